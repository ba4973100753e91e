package knowledge_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"frontdesk/tools/knowledge"
)

// A folder of Markdown and text pages becomes a knowledge base.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "knowledge")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	const page = "# Returns\n\n## How long\n\nYou can return anything within 30 days.\n\n## Refunds\n\nA refund takes five days.\n"
	if err := os.WriteFile(filepath.Join(dir, "returns.md"), []byte(page), 0o600); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	base, err := knowledge.Open(ctx, dir, knowledge.Options{Language: "en"})
	if err != nil {
		log.Fatal(err)
	}
	defer base.Close()
	found, err := base.Search(ctx, "um when do I get my refund", 1)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range found {
		fmt.Printf("%s (%s, %s)\n", p.Text, p.Page, p.Heading)
	}
	// Output:
	// A refund takes five days. (Returns, Refunds)
}
