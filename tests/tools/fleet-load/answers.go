package main

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	jsonType = "application/json"
	textType = "text/plain; version=0.0.4; charset=utf-8"
)

func answerHealth(b []byte, _ *request) ([]byte, string, string, kind) {
	return append(b, `{"status":"healthy"}`...), "200 OK", jsonType, healths
}

// answerAsOPA answers as OPA does that has a policy from a file, denies, and has no status plugin.
func answerAsOPA(b []byte, r *request) ([]byte, string, string, kind) {
	switch {
	case r.method == "POST" && strings.HasPrefix(r.path, "/v1/data/"):
		if strings.Contains(r.query, "provenance") {
			return append(b, `{"provenance":{"version":"1.22.2"},"result":false}`+"\n"...), "200 OK", jsonType, decisions
		}
		return append(b, `{"result":false}`+"\n"...), "200 OK", jsonType, decisions
	case r.path == "/v1/status":
		b = append(b, `{"code":"internal_error","message":"status plugin not enabled"}`+"\n"...)
		return b, "500 Internal Server Error", jsonType, statuses
	default:
		return append(b, `{}`+"\n"...), "404 Not Found", jsonType, others
	}
}

// rule says how a number on the page moves.
type rule int

const (
	still   rule = iota
	growing      // counters and histograms: by a thousandth of the printed value each second
	resident
)

// piece is text that never changes, and the number after it.
type piece struct {
	text  string
	value float64
	rule  rule
}

// pageSet has the page, whole and as clients filtered it with `?name[]=`.
type pageSet struct {
	text    string
	whole   []piece
	started time.Time
	lock    sync.RWMutex
	byQuery map[string][]piece
}

func newPages(text string) *pageSet {
	return &pageSet{text: text, whole: pieces(text, nil), started: time.Now(), byQuery: map[string][]piece{}}
}

func (p *pageSet) answer(b []byte, r *request) ([]byte, string, string, kind) {
	seconds := int(time.Since(p.started).Seconds())
	for _, part := range p.page(r.query) {
		b = append(b, part.text...)
		switch part.rule {
		case growing:
			b = strconv.AppendInt(b, int64(part.value*float64(1000+seconds)/1000), 10)
		case resident:
			b = strconv.AppendInt(b, int64(part.value)+int64(r.agent%1000)<<16+int64((seconds+r.agent)%60)<<14, 10)
		case still:
			continue
		}
		b = append(b, ".0\n"...)
	}
	return b, "200 OK", textType, pages
}

func (p *pageSet) page(query string) []piece {
	if query == "" {
		return p.whole
	}
	p.lock.RLock()
	found := p.byQuery[query]
	p.lock.RUnlock()
	if found != nil {
		return found
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values["name[]"]) == 0 {
		return p.whole
	}
	made := pieces(p.text, values["name[]"])
	p.lock.Lock()
	p.byQuery[query] = made
	p.lock.Unlock()
	return made
}

// pieces cuts a page where its numbers move; with names, only samples of these names are kept, as prometheus_client does.
func pieces(text string, names []string) []piece {
	var made []piece
	var unmoved, header strings.Builder
	moves := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			if strings.HasPrefix(line, "# HELP") {
				header.Reset()
			}
			header.WriteString(line)
			moves = strings.HasSuffix(line, " counter\n") || strings.HasSuffix(line, " histogram\n")
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		if names != nil && !slices.Contains(names, name) {
			continue
		}
		unmoved.WriteString(header.String())
		header.Reset()
		space := strings.LastIndexByte(line, ' ')
		value, _ := strconv.ParseFloat(strings.TrimSpace(line[space:]), 64)
		how := still
		if moves {
			how = growing
		} else if name == "process_resident_memory_bytes" {
			how = resident
		}
		if how == still {
			unmoved.WriteString(line)
			continue
		}
		made = append(made, piece{unmoved.String() + line[:space+1], value, how})
		unmoved.Reset()
	}
	return append(made, piece{text: unmoved.String()})
}
