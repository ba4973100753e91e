// Uses Frontdesk's tools with the official MCP client, over HTTP or over stdio:
//   node mcp.mjs http://HOST/mcp KEY
//   node mcp.mjs PROGRAM ARGUMENT...
// looks up an order, asks the knowledge base, and opens and reads a ticket. It prints what it
// got as JSON.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [target, ...rest] = process.argv.slice(2);
const transport = target.startsWith("http")
  ? new StreamableHTTPClientTransport(new URL(target), { requestInit: { headers: { Authorization: `Bearer ${rest[0]}` } } })
  : new StdioClientTransport({ command: target, args: rest, env: process.env, stderr: "inherit" });
const client = new Client({ name: "e2e", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools();
const call = async (name, args, meta) => (await client.callTool({ name, arguments: args, _meta: meta })).structuredContent;
const order = await call("order_status", { key: "47329" });
const found = await call("search_knowledge", { query: "opening hours on Saturday" });
const ticket = { subject: "The lamp flickers", contact: "jo@example.com" };
const opened = await call("create_ticket", ticket, { "frontdesk/idempotencyKey": "one" });
const repeated = await call("create_ticket", ticket, { "frontdesk/idempotencyKey": "one" });
const closed = await call("update_ticket", { ticket: opened.id, status: "closed" }, { "frontdesk/idempotencyKey": "two" });
const unknown = await client.callTool({ name: "ticket_status", arguments: { ticket: "none" } });
await client.close();
console.log(JSON.stringify({
  tools: tools.map((t) => t.name).sort(), item: order.record?.items, found: JSON.stringify(found),
  opened: opened.id, repeated: repeated.id, status: closed.status, is_error: unknown.isError,
}));
