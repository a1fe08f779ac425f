package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A connection that is silent for longer is given up.
const patience = 30 * time.Second

// The largest request that is read, head and body.
const maxRequest = 16 << 10

type request struct {
	agent        int
	method, path string
	query        string
	body         string
}

// answer appends a whole body to buffer and says under which name it is counted.
type answer func(buffer []byte, r *request) (body []byte, status, contentType string, kind kind)

type server struct {
	answer answer
	served *counts
	tls    *tls.Config
}

func loopbackListener() (net.Listener, int, error) {
	onLoopback := func(_, _ string, c syscall.RawConn) error {
		var err error
		ctrl := c.Control(func(fd uintptr) {
			// One socket for all of 127/8, out of reach from other machines.
			err = syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, "lo")
		})
		return errors.Join(ctrl, err)
	}
	listener, err := (&net.ListenConfig{Control: onLoopback}).Listen(context.Background(), "tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, 0, err
	}
	return listener, listener.Addr().(*net.TCPAddr).Port, nil
}

func (s server) listen() (int, error) {
	listener, port, err := loopbackListener()
	if err != nil {
		return 0, err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				log.Fatal(err)
			}
			s.served.add(connections)
			go s.serve(connection)
		}
	}()
	return port, nil
}

type buffers struct{ in, body, out []byte }

var pool = sync.Pool{New: func() any {
	return &buffers{make([]byte, 0, 4<<10), make([]byte, 0, 16<<10), make([]byte, 0, 17<<10)}
}}

func (s server) serve(connection net.Conn) {
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	agent := agentAt(connection.LocalAddr())
	if s.tls != nil {
		secure := tls.Server(connection, s.tls)
		if secure.Handshake() != nil {
			s.served.add(handshakesFailed)
			return
		}
		s.served.add(handshakes)
		connection = secure
	}
	b := pool.Get().(*buffers)
	defer pool.Put(b)
	for b.in = b.in[:0]; s.exchange(connection, b, agent); {
		_ = connection.SetDeadline(time.Now().Add(patience))
	}
}

// exchange answers one request and says whether the client may send another.
func (s server) exchange(connection net.Conn, b *buffers, agent int) bool {
	r, length, keep := readRequest(connection, b)
	if r == nil {
		return false
	}
	r.agent = agent
	body, status, contentType, kind := s.answer(b.body[:0], r)
	b.body = body
	out := append(b.out[:0], "HTTP/1.1 "...)
	out = append(append(out, status...), "\r\nContent-Type: "...)
	out = append(append(out, contentType...), "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(body)), 10)
	if !keep {
		out = append(out, "\r\nConnection: close"...)
	}
	b.out = append(append(out, "\r\n\r\n"...), body...)
	if _, err := connection.Write(b.out); err != nil {
		return false
	}
	s.served.add(kind)
	s.served.latest[kind].Store(r)
	b.in = b.in[:copy(b.in, b.in[length:])]
	return keep
}

func readRequest(connection net.Conn, b *buffers) (r *request, length int, keep bool) {
	for {
		if head := bytes.Index(b.in, []byte("\r\n\r\n")); head >= 0 {
			length = head + 4 + contentLength(b.in[:head])
			if len(b.in) >= length {
				keep = !bytes.Contains(b.in[:head], []byte("onnection: close"))
				return parse(b.in[:head], b.in[head+4:length]), length, keep
			}
		}
		if len(b.in) >= maxRequest {
			return nil, 0, false
		}
		if len(b.in) == cap(b.in) {
			b.in = append(make([]byte, 0, 2*cap(b.in)), b.in...)
		}
		n, err := connection.Read(b.in[len(b.in):cap(b.in)])
		if err != nil {
			return nil, 0, false
		}
		b.in = b.in[:len(b.in)+n]
	}
}

func parse(head, body []byte) *request {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, _, _ := bytes.Cut(rest, []byte(" "))
	path, query, _ := bytes.Cut(target, []byte("?"))
	return &request{method: string(method), path: string(path), query: string(query), body: string(body)}
}

func contentLength(head []byte) int {
	_, rest, found := bytes.Cut(bytes.ToLower(head), []byte("\r\ncontent-length:"))
	if !found {
		return 0
	}
	value, _, _ := bytes.Cut(rest, []byte("\r\n"))
	n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
	if err != nil || n < 0 {
		return maxRequest
	}
	return n
}

// agentAt tells the agent from the address that was dialled: 127.1.0.1 + agent.
func agentAt(address net.Addr) int {
	ip := address.(*net.TCPAddr).IP.To4()
	return int(ip[1])<<16 + int(ip[2])<<8 + int(ip[3]) - (1<<16 + 1)
}

type kind int

const (
	connections kind = iota
	handshakes
	handshakesFailed
	pages
	decisions
	statuses
	healths
	others
	kinds
)

var kindNames = [kinds]string{
	"connections", "handshakes", "handshakes_failed", "pages", "decisions", "statuses", "healths", "others",
}

// counts tells what was asked for, how often, and what the newest request of each kind looked like.
type counts struct {
	served [kinds]atomic.Int64
	latest [kinds]atomic.Pointer[request]
}

type count struct {
	Served int64  `json:"served"`
	Target string `json:"target"`
	Body   string `json:"body"`
}

func (c *counts) add(k kind) { c.served[k].Add(1) }

func (c *counts) snapshot() map[string]count {
	all := make(map[string]count, kinds)
	for k, name := range kindNames {
		one := count{Served: c.served[k].Load()}
		if r := c.latest[k].Load(); r != nil {
			one.Target, one.Body = r.path, r.body
			if r.query != "" {
				one.Target += "?" + r.query
			}
		}
		all[name] = one
	}
	return all
}
