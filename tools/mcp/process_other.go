//go:build !unix

package mcp

import "os/exec"

func setGroup(*exec.Cmd) {}

// terminateGroup does nothing: the system has no signal that asks a process to end.
func terminateGroup(*exec.Cmd) {}

// killGroup ends the process.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
