// Endpoint trains dialog/ear/endpoint: from a language model it counts how often sentences
// end after a word, and from labelled recordings it fits the weights and waits. Run it from
// the top of the repository; it overwrites endings.txt and weights.go:
//
//	go run ./internal/learn/endpoint endings /usr/share/pocketsphinx/model/en-us/en-us.lm.bin
//	go run ./internal/learn/endpoint turns MANIFEST
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
	case len(args) == 2 && args[0] == "turns":
		return learnTurns(args[1])
	}
	return errors.New("usage: endpoint endings LANGUAGE-MODEL | endpoint turns MANIFEST")
}
