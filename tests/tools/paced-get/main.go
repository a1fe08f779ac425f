// Command paced-get makes GET requests at a steady pace, whether or not the answers keep up, and says how it went.
//
// It reads a plan as JSON from standard input: a list of `{"name", "url", "per_second", "want"}`, in which AGENT stands for
// the address of an agent (127.1.0.1 + i, in turn). An answer without the text `want` counts as failed.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// More requests than this in flight mean that the server cannot keep up: the rest is left out and counted.
const maxInFlight = 256

type errand struct {
	Name      string  `json:"name"`
	URL       string  `json:"url"`
	PerSecond float64 `json:"per_second"`
	Want      string  `json:"want"`
}

type outcome struct {
	Done    int     `json:"done"`
	Failed  int     `json:"failed"`
	LeftOut int     `json:"left_out"`
	P50     float64 `json:"p50_seconds"`
	P99     float64 `json:"p99_seconds"`
	lock    sync.Mutex
	took    []float64
}

func main() {
	agents := flag.Int("agents", 10000, "how many agents there are")
	seconds := flag.Float64("seconds", 10, "how long to go on")
	batch := flag.Duration("batch", 0, "release the requests of this time together; 0: each at its own time")
	flag.Parse()
	var plan []errand
	if err := json.NewDecoder(os.Stdin).Decode(&plan); err != nil {
		log.Fatal(err)
	}
	outcomes := make(map[string]*outcome, len(plan))
	var running sync.WaitGroup
	for _, e := range plan {
		o := &outcome{}
		outcomes[e.Name] = o
		running.Go(func() { e.run(o, *agents, *seconds, *batch) })
	}
	running.Wait()
	for _, o := range outcomes {
		o.summarise()
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		log.Fatal(err)
	}
}

var client = &http.Client{
	Timeout:   10 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: maxInFlight, DisableCompression: true},
}

func (e errand) run(o *outcome, agents int, seconds float64, batch time.Duration) {
	slots := make(chan struct{}, maxInFlight)
	var running sync.WaitGroup
	start := time.Now()
	for i := range int(e.PerSecond * seconds) {
		due := time.Duration(float64(i) / e.PerSecond * float64(time.Second))
		if batch > 0 {
			due = due.Truncate(batch)
		}
		time.Sleep(time.Until(start.Add(due)))
		select {
		case slots <- struct{}{}:
		default:
			o.LeftOut++
			continue
		}
		running.Go(func() { e.get(o, i%agents); <-slots })
	}
	running.Wait()
}

func (e errand) get(o *outcome, agent int) {
	host := fmt.Sprintf("127.%d.%d.%d", (agent+1)>>16+1, (agent+1)>>8&255, (agent+1)&255)
	began := time.Now()
	body, err := fetch(strings.Replace(e.URL, "AGENT", host, 1))
	took := time.Since(began).Seconds()
	o.lock.Lock()
	defer o.lock.Unlock()
	o.took = append(o.took, took)
	if err != nil || !bytes.Contains(body, []byte(e.Want)) {
		o.Failed++
	} else {
		o.Done++
	}
}

func fetch(url string) ([]byte, error) {
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

func (o *outcome) summarise() {
	if len(o.took) == 0 {
		return
	}
	slices.Sort(o.took)
	o.P50, o.P99 = o.took[len(o.took)/2], o.took[len(o.took)*99/100]
}
