// Endpoint trains dialog/ear/endpoint: from a language model it counts how often sentences
// end after a word, and from labelled recordings it fits the weights and waits. Run it from
// the top of the repository; it overwrites endings.txt or weights.go:
//
//	go run ./internal/learn/endpoint endings /usr/share/pocketsphinx/model/en-us/en-us.lm.bin
//	go run ./internal/learn/endpoint trace pocketsphinx|moonshine MANIFEST CONDITION TRACE
//	go run ./internal/learn/endpoint fit TRACE...
//	go run ./internal/learn/endpoint waits TRACE...
//	go run ./internal/learn/endpoint test TRACE...
//
// A trace is what an endpointer would know in each frame of silence, as JSON. It takes
// minutes to make and can be fitted many times. "waits" keeps the weights and chooses only the
// waits.
package main

import (
	"errors"

	"frontdesk/internal/learn"
)

func main() { learn.Main(run) }

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "endings":
		return learnEndings(args[1])
	case len(args) == 5 && args[0] == "trace":
		return writeTrace(args[1], args[2], args[3], args[4])
	case len(args) > 1 && args[0] == "fit":
		return learnTurns(args[1:], false)
	case len(args) > 1 && args[0] == "waits":
		return learnTurns(args[1:], true)
	case len(args) > 1 && args[0] == "test":
		return testModels(args[1:])
	}
	return errors.New("usage: endpoint endings LANGUAGE-MODEL | trace RECOGNIZER MANIFEST CONDITION TRACE | fit TRACES | waits TRACES | test TRACES")
}
