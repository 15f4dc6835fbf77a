// The benchmarks between two processes in Go, over net/rpc as it comes: gob over TCP.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"time"
)

const chunkBytes = 65536

// Bench is what the server offers.
type Bench struct{}

// Echo answers with what it is given.
func (Bench) Echo(value int64, reply *int64) error {
	*reply = value
	return nil
}

// EchoBytes answers with what it is given.
func (Bench) EchoBytes(chunk []byte, reply *[]byte) error {
	*reply = chunk
	return nil
}

func serve() {
	must(rpc.Register(Bench{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr())
	go rpc.Accept(listener)
	// Ends when the process that has started it does.
	_, err = io.Copy(io.Discard, os.Stdin)
	must(err)
}

// server is held on to, or its pipes would be closed when they are collected.
var server *exec.Cmd

func connect() *rpc.Client {
	self, err := os.Executable()
	must(err)
	server = exec.Command(self, "serve")
	_, err = server.StdinPipe()
	must(err)
	output, err := server.StdoutPipe()
	must(err)
	must(server.Start())
	address, err := bufio.NewReader(output).ReadString('\n')
	must(err)
	client, err := rpc.Dial("tcp", strings.TrimSpace(address))
	must(err)
	return client
}

type measured struct {
	operations        int
	ns, check, median int64
}

// warmUpMs is how long everything is done before it is measured.
var warmUpMs int

// repeat runs batches until they have taken ms, warm-up first.
func repeat(operations, ms int, batch func() int64) measured {
	during(warmUpMs, batch)
	batches, spent, check := during(ms, batch)
	return measured{batches * operations, spent.Nanoseconds(), check, 0}
}

func during(ms int, batch func() int64) (int, time.Duration, int64) {
	var batches int
	var spent time.Duration
	var check int64
	for {
		startedAt := time.Now()
		check += batch()
		spent += time.Since(startedAt)
		batches++
		if spent >= time.Duration(ms)*time.Millisecond {
			return batches, spent, check
		}
	}
}

// inFlight calls one with each number, so many at a time, each caller waiting for its own.
func inFlight(callers, operations int, one func(value int) int64) (sum int64) {
	sums := make(chan int64)
	for first := 0; first < callers; first++ {
		go func(first int) {
			var sum int64
			for value := first; value < operations; value += callers {
				sum += one(value)
			}
			sums <- sum
		}(first)
	}
	for count := 0; count < callers; count++ {
		sum += <-sums
	}
	return
}

func latency(operations, ms int, one func(value int) int64) measured {
	var times []int64
	batch := func() (sum int64) {
		for value := 0; value < operations; value++ {
			startedAt := time.Now()
			sum += one(value)
			times = append(times, time.Since(startedAt).Nanoseconds())
		}
		return
	}
	during(warmUpMs, batch)
	times = nil
	batches, spent, check := during(ms, batch)
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return measured{batches * operations, spent.Nanoseconds(), check, times[len(times)/2]}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		serve()
		return
	}
	operations, err := strconv.Atoi(os.Args[2])
	must(err)
	ms, err := strconv.Atoi(os.Args[3])
	must(err)
	warmUpMs, err = strconv.Atoi(os.Args[4])
	must(err)
	client := connect()
	echo := func(value int) (reply int64) {
		must(client.Call("Bench.Echo", int64(value), &reply))
		return
	}
	// A caller whose bytes have come back writes the next number there.
	spare := make(chan []byte, 16)
	echoBytes := func(value int) int64 {
		var chunk []byte
		select {
		case chunk = <-spare:
		default:
			chunk = make([]byte, chunkBytes)
		}
		binary.BigEndian.PutUint32(chunk, uint32(value))
		var reply []byte
		must(client.Call("Bench.EchoBytes", chunk, &reply))
		spare <- chunk
		if len(reply) != chunkBytes {
			panic("a chunk of another size")
		}
		return int64(binary.BigEndian.Uint32(reply))
	}
	calls := func(callers int, one func(value int) int64) measured {
		return repeat(operations, ms, func() int64 { return inFlight(callers, operations, one) })
	}
	var m measured
	switch os.Args[1] {
	case "calls-256":
		m = calls(256, echo)
	case "calls-16":
		m = calls(16, echo)
	case "call-latency":
		m = latency(operations, ms, echo)
	case "echo-64k":
		m = calls(16, echoBytes)
	default:
		panic("there is no such benchmark: " + os.Args[1])
	}
	fmt.Printf("{\"operations\":%d,\"ns\":%d,\"check\":%d,\"medianNs\":%d}\n",
		m.operations, m.ns, m.check, m.median)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
