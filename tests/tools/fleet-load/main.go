// Command fleet-load serves a fleet of AgentWeave agents on loopback, as cheaply as it can, for the benchmark.
//
// Agent i lives at 127.1.0.1 + i. All agents share three ports: metrics pages, an OPA that denies, mutual TLS.
// It prints one JSON line with the ports, and ends when its standard input ends.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"runtime/debug"
)

func main() {
	agents := flag.Int("agents", 10000, "how many agents are served")
	pageFile := flag.String("page", "", "a metrics page as an agent prints it")
	credentials := flag.String("credentials", "", "directory for bundle.pem, client.pem and client.key")
	flag.Parse()
	// A collection costs more than the memory is worth here.
	debug.SetGCPercent(400)
	if err := run(*agents, *pageFile, *credentials); err != nil {
		log.Fatal(err)
	}
}

func run(agents int, pageFile, credentials string) error {
	text, err := os.ReadFile(pageFile)
	if err != nil {
		return err
	}
	ca, err := newAuthority(credentials)
	if err != nil {
		return err
	}
	tlsConfig, err := ca.serverConfig(agents)
	if err != nil {
		return err
	}
	served := &counts{}
	ports := map[string]int{}
	for name, serve := range map[string]server{
		"metrics": {answer: newPages(string(text)).answer, served: served},
		"opa":     {answer: answerAsOPA, served: served},
		"tls":     {answer: answerHealth, served: served, tls: tlsConfig},
	} {
		if ports[name], err = serve.listen(); err != nil {
			return err
		}
	}
	if ports["counts"], err = serveCounts(served); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(ports); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func serveCounts(served *counts) (int, error) {
	listener, port, err := loopbackListener()
	if err != nil {
		return 0, err
	}
	show := func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(served.snapshot()) }
	go func() { log.Fatal(http.Serve(listener, http.HandlerFunc(show))) }()
	return port, nil
}
