// Frontdesk is a voice-first support service: customers call from a web page or a
// telephone and are answered in voice from a company's own knowledge base.
package main

import (
	"os"

	"frontdesk/internal/app"
)

func main() { os.Exit(app.Run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }
