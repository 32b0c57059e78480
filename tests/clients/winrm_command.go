package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/masterzen/winrm"
)

func main() {
	port, _ := strconv.Atoi(os.Args[1])
	endpoint := winrm.NewEndpoint("127.0.0.1", port, true, true, nil, nil, nil, 60*time.Second)
	params := winrm.DefaultParameters
	if os.Args[2] == "ntlm" {
		params.TransportDecorator = func() winrm.Transporter { return &winrm.ClientNTLM{} }
	}
	client, err := winrm.NewClientWithParameters(endpoint, os.Args[3], os.Args[4], params)
	if err != nil {
		panic(err)
	}
	shell, err := client.CreateShell()
	if err != nil {
		panic(err)
	}
	defer shell.Close()
	command, err := shell.Execute(os.Args[5])
	if err != nil {
		panic(err)
	}
	var out, errs bytes.Buffer
	done := make(chan bool)
	go func() { io.Copy(&out, command.Stdout); done <- true }()
	go func() { io.Copy(&errs, command.Stderr); done <- true }()
	if len(os.Args) > 6 {
		io.WriteString(command.Stdin, os.Args[6])
		command.Stdin.Close()
	}
	command.Wait()
	<-done
	<-done
	fmt.Printf("%q %q %d\n", out.String(), errs.String(), command.ExitCode())
}
