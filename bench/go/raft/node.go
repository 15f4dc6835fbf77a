// One node of a group of three, in Go: what it is told on a line of its input, it does, and answers
// with a line. What it is a node of is for hashicorp.go or etcd.go to say, of which one is compiled
// with this.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const commandBytes = 64

// numbersMax is how many different numbers there can be.
const numbersMax = 1 << 20

// subject is what can be measured.
type subject interface {
	leads() bool
	// propose has a command with the number applied, and returns what came of it.
	propose(value int) (int64, error)
	// read looks, linearizably, whether the number was ever applied, and returns it then.
	read(value int) (int64, error)
	// applies looks, here and at once, whether the number is applied.
	applies(value int) bool
	state() state
}

// state is how far this node's state machine is. Equal ones have applied the same, in one order.
type state struct {
	Count int    `json:"count"`
	Sum   int64  `json:"sum"`
	Hash  string `json:"hash"`
}

type measured struct {
	Operations int   `json:"operations"`
	Ns         int64 `json:"ns"`
	Check      int64 `json:"check"`
	MedianNs   int64 `json:"medianNs"`
}

func commandOf(value int) []byte {
	command := make([]byte, commandBytes)
	binary.BigEndian.PutUint32(command, uint32(value))
	return command
}

// serve answers lines `ID WORD NUMBERS…`, each when it is done, until nobody is there to ask.
func serve(node subject) {
	var writing sync.Mutex
	say := func(id string, answer interface{}) {
		text, err := json.Marshal(answer)
		must(err)
		writing.Lock()
		defer writing.Unlock()
		fmt.Printf("%s %s\n", id, text)
	}
	say("ready", true)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		var numbers []int
		for _, word := range words[2:] {
			number, err := strconv.Atoi(word)
			must(err)
			numbers = append(numbers, number)
		}
		go func() { say(words[0], answer(node, words[1], numbers)) }()
	}
}

func answer(node subject, word string, numbers []int) interface{} {
	switch word {
	case "leads":
		return node.leads()
	case "state":
		return node.state()
	case "propose":
		return repeat(numbers, node.propose)
	case "read":
		return repeat(numbers, node.read)
	case "accept":
		return accept(node, numbers[0])
	}
	panic("there is no such thing to do: " + word)
}

// tryAgain is after how long without an answer a client asks once more.
const tryAgain = 10 * time.Millisecond

// accept proposes a number again and again until it is applied, by this node or by another.
func accept(node subject, value int) bool {
	accepted := make(chan bool, 1)
	for !node.applies(value) {
		go func() {
			if _, err := node.propose(value); err == nil {
				select {
				case accepted <- true:
				default:
				}
			}
		}()
		select {
		case <-accepted:
			return true
		case <-time.After(tryAgain):
		}
	}
	return true
}

// repeat runs batches for a time, warm-up first: clients, operations of a batch, ms, warm-up ms.
func repeat(numbers []int, one func(value int) (int64, error)) measured {
	clients, operations, ms, warmUpMs := numbers[0], numbers[1], numbers[2], numbers[3]
	if warmUpMs > 0 {
		during(clients, operations, warmUpMs, one)
	}
	batches, spent, check, times := during(clients, operations, ms, one)
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return measured{batches * operations, spent.Nanoseconds(), check, times[len(times)/2]}
}

func during(clients, operations, ms int, one func(value int) (int64, error)) (
	batches int, spent time.Duration, check int64, times []int64) {
	for batches == 0 || spent < time.Duration(ms)*time.Millisecond {
		startedAt := time.Now()
		sum, of := inFlight(clients, operations, one)
		spent += time.Since(startedAt)
		batches++
		check += sum
		times = append(times, of...)
	}
	return
}

// inFlight does one with each number, so many clients at a time, each waiting for its own.
func inFlight(clients, operations int, one func(value int) (int64, error)) (int64, []int64) {
	sums := make([]int64, clients)
	times := make([]int64, operations)
	var waiting sync.WaitGroup
	for first := 0; first < clients; first++ {
		waiting.Add(1)
		go func(first int) {
			defer waiting.Done()
			for value := first; value < operations; value += clients {
				startedAt := time.Now()
				found, err := one(value)
				must(err)
				sums[first] += found
				times[value] = time.Since(startedAt).Nanoseconds()
			}
		}(first)
	}
	waiting.Wait()
	var sum int64
	for _, each := range sums {
		sum += each
	}
	return sum, times
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
