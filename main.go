// Command dione is a serverless, end-to-end encrypted chat for the terminal.
package main

import (
	"os"

	"dione/tui/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
