// Learn makes what dialog/ear/endpoint knows: from a language model how often
// sentences end behind a word, and from recordings with what is true of them the
// weights and waits.
//
//	go run ./internal/learn/endpoint endings /usr/share/pocketsphinx/model/en-us/en-us.lm.bin
//	go run ./internal/learn/endpoint turns MANIFEST...
//
// It is run from the top of the repository and overwrites endings.txt and weights.go.
package main

import (
	"fmt"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "endings":
		err = learnEndings(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "turns":
		err = learnTurns(os.Args[2])
	default:
		err = fmt.Errorf("usage: learn endings LANGUAGE-MODEL | learn turns MANIFEST")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "learn:", err)
		os.Exit(1)
	}
}
