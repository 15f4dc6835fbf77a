package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb"
)

const timeout = 10 * time.Second

// `hashicorp NAME DIRECTORY NAME=ADDRESS,…`: the directory is `memory` for no disk.
func main() {
	name, directory := os.Args[1], os.Args[2]
	machine := &machine{hash: 2166136261}
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(name)
	config.LogOutput = io.Discard
	var addresses = map[string]string{}
	var servers []raft.Server
	for _, peer := range strings.Split(os.Args[3], ",") {
		words := strings.Split(peer, "=")
		addresses[words[0]] = words[1]
		servers = append(servers, raft.Server{
			ID: raft.ServerID(words[0]), Address: raft.ServerAddress(words[1]),
		})
	}
	transport, err := raft.NewTCPTransport(addresses[name], nil, 3, timeout, io.Discard)
	must(err)
	var logs raft.LogStore
	var stable raft.StableStore
	if directory == "memory" {
		store := raft.NewInmemStore()
		logs, stable = store, store
	} else {
		must(os.MkdirAll(directory, 0o700))
		store, err := raftboltdb.NewBoltStore(filepath.Join(directory, "raft.db"))
		must(err)
		logs, stable = store, store
	}
	snapshots := raft.NewInmemSnapshotStore()
	hasState, err := raft.HasExistingState(logs, stable, snapshots)
	must(err)
	if !hasState {
		configuration := raft.Configuration{Servers: servers}
		must(raft.BootstrapCluster(config, logs, stable, snapshots, transport, configuration))
	}
	node, err := raft.NewRaft(config, machine, logs, stable, snapshots, transport)
	must(err)
	serve(&member{node, machine})
}

type member struct {
	raft    *raft.Raft
	machine *machine
}

func (m *member) leads() bool { return m.raft.State() == raft.Leader }

func (m *member) propose(value int) (int64, error) {
	applied := m.raft.Apply(commandOf(value), timeout)
	if err := applied.Error(); err != nil {
		return 0, err
	}
	return applied.Response().(int64), nil
}

func (m *member) read(value int) (int64, error) {
	if err := m.raft.VerifyLeader().Error(); err != nil {
		return 0, err
	}
	if !m.applies(value) {
		return 0, fmt.Errorf("%d is not there", value)
	}
	return int64(value), nil
}

func (m *member) applies(value int) bool {
	m.machine.Lock()
	defer m.machine.Unlock()
	return m.machine.distinct[value]
}

func (m *member) state() state {
	m.machine.Lock()
	defer m.machine.Unlock()
	return state{m.machine.count, m.machine.sum, fmt.Sprint(m.machine.hash)}
}

// machine adds up what it is told, and keeps in a hash in which order it was told.
type machine struct {
	sync.Mutex
	count    int
	sum      int64
	hash     uint32
	distinct [numbersMax]bool
}

func (m *machine) Apply(log *raft.Log) interface{} {
	m.Lock()
	defer m.Unlock()
	value := binary.BigEndian.Uint32(log.Data)
	m.count++
	m.sum += int64(value)
	m.hash = (m.hash ^ value) * 16777619
	m.distinct[value] = true
	return int64(value)
}

// No run is so long that a snapshot would be made.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	return nil, fmt.Errorf("there are no snapshots here")
}

func (m *machine) Restore(io.ReadCloser) error {
	return fmt.Errorf("there are no snapshots here")
}
