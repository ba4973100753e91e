// Package bench measures whole calls: real WebRTC clients over loopback UDP, Opus
// both ways, events on a data channel, a session in SQLite, the conversation, voice
// activity and playout, all as a server runs them. Only the providers are made up:
// they take no time, or a fixed one. It holds nothing but tests and benchmarks.
//
//	go test -run '^$' -bench . -benchmem ./bench
//
// The callers run in a process of their own (the test's binary once more), so that the
// CPU time and the memory reported are the server's.
package bench
