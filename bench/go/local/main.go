// The benchmarks of one process in Go. An actor is a goroutine with a channel as its mailbox.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	burst    = 1000
	inFlight = 128
	capacity = 128
	mailbox  = 1024
)

type measured struct {
	operations int
	ns         int64
	check      int64
	bytes      int64
}

// warmUpMs is how long everything is done before it is measured.
var warmUpMs int

// repeat runs batches until they have taken ms, warm-up first.
func repeat(operations, ms int, batch func() int64, between func()) measured {
	during(warmUpMs, batch, between)
	batches, spent, check := during(ms, batch, between)
	return measured{operations: batches * operations, ns: spent.Nanoseconds(), check: check}
}

func during(ms int, batch func() int64, between func()) (int, time.Duration, int64) {
	var batches int
	var spent time.Duration
	var check int64
	for {
		startedAt := time.Now()
		check += batch()
		spent += time.Since(startedAt)
		batches++
		if between != nil {
			between()
		}
		if spent >= time.Duration(ms)*time.Millisecond {
			return batches, spent, check
		}
	}
}

type add struct{ value int64 }
type take struct{ reply chan int64 }

func counter(inbox chan any) {
	var sum int64
	for message := range inbox {
		switch m := message.(type) {
		case add:
			sum += m.value
		case take:
			m.reply <- sum
			sum = 0
		}
	}
}

func tell(operations, ms int) measured {
	inbox := make(chan any, mailbox)
	go counter(inbox)
	reply := make(chan int64, 1)
	return repeat(operations, ms, func() (sum int64) {
		for sent := 0; sent < operations; {
			for end := min(sent+burst, operations); sent < end; sent++ {
				inbox <- add{int64(sent)}
			}
			inbox <- take{reply}
			sum += <-reply
		}
		return
	}, nil)
}

type ask struct {
	value int64
	reply chan int64
}

func echo(inbox chan ask) {
	for message := range inbox {
		message.reply <- message.value
	}
}

func asks(inbox chan ask, operations, first, step int) (sum int64) {
	reply := make(chan int64, 1)
	for value := first; value < operations; value += step {
		inbox <- ask{int64(value), reply}
		sum += <-reply
	}
	return
}

func askSequential(operations, ms int) measured {
	inbox := make(chan ask, mailbox)
	go echo(inbox)
	return repeat(operations, ms, func() int64 { return asks(inbox, operations, 0, 1) }, nil)
}

func askInFlight(operations, ms int) measured {
	inbox := make(chan ask, mailbox)
	go echo(inbox)
	return repeat(operations, ms, func() (sum int64) {
		sums := make(chan int64)
		for first := 0; first < inFlight; first++ {
			first := first
			go func() { sums <- asks(inbox, operations, first, inFlight) }()
		}
		for count := 0; count < inFlight; count++ {
			sum += <-sums
		}
		return
	}, nil)
}

// idle has one field, its value, and a mailbox. It counts itself when it starts, then waits.
func idle(value int64, inbox chan int64, started *int64, running *sync.WaitGroup) {
	atomic.AddInt64(started, value)
	running.Done()
	for factor := range inbox {
		atomic.AddInt64(started, value*factor)
		running.Done()
	}
}

func spawnIdle(operations int, sum *int64) []chan int64 {
	inboxes := make([]chan int64, operations)
	var running sync.WaitGroup
	running.Add(operations)
	for value := range inboxes {
		inboxes[value] = make(chan int64)
		go idle(int64(value), inboxes[value], sum, &running)
	}
	running.Wait()
	return inboxes
}

func spawn(operations, ms int) measured {
	var inboxes []chan int64
	return repeat(operations, ms, func() (sum int64) {
		inboxes = spawnIdle(operations, &sum)
		return
	}, func() {
		for _, inbox := range inboxes {
			close(inbox)
		}
		for runtime.NumGoroutine() > 1 {
			runtime.Gosched()
		}
	})
}

func memory(operations, _ int) measured {
	before := usedBytes()
	startedAt := time.Now()
	var sum int64
	inboxes := spawnIdle(operations, &sum)
	spent := time.Since(startedAt)
	bytes := usedBytes() - before
	runtime.KeepAlive(inboxes)
	return measured{operations, spent.Nanoseconds(), sum, bytes}
}

func usedBytes() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapInuse + stats.StackInuse)
}

func million(operations, _ int) measured {
	startedAt := time.Now()
	inboxes := make([]chan int64, operations)
	var sum int64
	var running sync.WaitGroup
	running.Add(2 * operations)
	for value := range inboxes {
		inboxes[value] = make(chan int64)
		go idle(int64(value), inboxes[value], &sum, &running)
	}
	for _, inbox := range inboxes {
		inbox <- 1
	}
	running.Wait()
	spent := time.Since(startedAt)
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	// Half of the sum is from starting, half from the message.
	return measured{operations, spent.Nanoseconds(), sum / 2, usage.Maxrss * 1024}
}

func pingPong(operations, ms int) measured {
	return repeat(operations, ms, func() (sum int64) {
		ping, pong := make(chan int64), make(chan int64)
		go func() {
			for value := range ping {
				pong <- value
			}
		}()
		for value := 0; value < operations; value++ {
			ping <- int64(value)
			sum += <-pong
		}
		close(ping)
		return
	}, nil)
}

func stream(operations, ms int) measured {
	return repeat(operations, ms, func() (sum int64) {
		numbers := make(chan int64, capacity)
		go func() {
			for value := 0; value < operations; value++ {
				numbers <- int64(value)
			}
			close(numbers)
		}()
		for value := range numbers {
			sum += value
		}
		return
	}, nil)
}

func selectFour(operations, ms int) measured {
	return repeat(operations, ms, func() (sum int64) {
		var from [4]chan int64
		for first := range from {
			first, numbers := first, make(chan int64)
			from[first] = numbers
			go func() {
				for value := first; value < operations; value += 4 {
					numbers <- int64(value)
				}
			}()
		}
		a, b, c, d := from[0], from[1], from[2], from[3]
		for count := 0; count < operations; count++ {
			select {
			case value := <-a:
				sum += value
			case value := <-b:
				sum += value
			case value := <-c:
				sum += value
			case value := <-d:
				sum += value
			}
		}
		return
	}, nil)
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func main() {
	benches := map[string]func(operations, ms int) measured{
		"tell": tell, "ask-sequential": askSequential, "ask-128": askInFlight,
		"spawn": spawn, "memory": memory, "million": million,
		"channel-ping-pong": pingPong, "channel-stream-awaited": stream,
		"channel-stream-sync": stream, "select-4": selectFour,
	}
	operations, _ := strconv.Atoi(os.Args[2])
	ms, _ := strconv.Atoi(os.Args[3])
	warmUpMs, _ = strconv.Atoi(os.Args[4])
	bench, known := benches[os.Args[1]]
	if !known || operations < 1 {
		fmt.Fprintln(os.Stderr, "usage: local BENCH OPERATIONS MS")
		os.Exit(2)
	}
	m := bench(operations, ms)
	fmt.Printf("{\"operations\":%d,\"ns\":%d,\"check\":%d,\"bytes\":%d}\n",
		m.operations, m.ns, m.check, m.bytes)
}
