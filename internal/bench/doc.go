// Package bench measures whole calls: WebRTC clients over loopback UDP, or telephones over
// SIP and RTP, with the session in SQLite, the conversation, voice activity detection and
// playout wired as a server wires them. Only the providers are fakes, which take no time
// or a fixed time. The package holds only tests and benchmarks, and nothing imports it.
//
//	go test -run '^$' -bench . -benchmem ./internal/bench
//
// The callers run in another process (the test binary again), so that the CPU time and the
// memory reported are the server's.
package bench
