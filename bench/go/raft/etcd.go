package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
)

const timeout = 10 * time.Second

// Requests of all clients share some connections: one is slower, and one for each is not faster.
const connections = 8

// `etcd NAME DIRECTORY NAME=ADDRESS,…`: starts etcd, and is its clients, over loopback.
func main() {
	name, directory, peers := os.Args[1], os.Args[2], os.Args[3]
	if directory == "memory" {
		panic("etcd has no store in memory")
	}
	var initial []string
	var own string
	for _, peer := range strings.Split(peers, ",") {
		words := strings.Split(peer, "=")
		url := "http://" + words[1]
		if words[0] == name {
			own = url
		}
		initial = append(initial, words[0]+"="+url)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	address := listener.Addr().String()
	must(listener.Close())
	server := exec.Command("etcd", "--name", name, "--data-dir", filepath.Join(directory, "etcd"),
		"--listen-client-urls", "http://"+address, "--advertise-client-urls", "http://"+address,
		"--listen-peer-urls", own, "--initial-advertise-peer-urls", own,
		"--initial-cluster", strings.Join(initial, ","), "--logger", "zap", "--log-level", "panic")
	must(server.Start())
	e := &member{address: address}
	for count := 0; count < connections; count++ {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{address}, DialTimeout: timeout,
		})
		must(err)
		e.clients = append(e.clients, client)
	}
	serve(e)
	must(server.Process.Signal(syscall.SIGKILL))
}

type member struct {
	address string
	clients []*clientv3.Client
}

func (m *member) client(value int) *clientv3.Client { return m.clients[value%connections] }

// The number is the key, and the command the value.
func keyOf(value int) string { return string(commandOf(value)[:4]) }

func (m *member) leads() bool {
	within, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, err := m.clients[0].Status(within, m.address)
	return err == nil && status.Leader == status.Header.MemberId
}

func (m *member) propose(value int) (int64, error) {
	within, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_, err := m.client(value).Put(within, keyOf(value), string(commandOf(value)))
	return int64(value), err
}

func (m *member) read(value int) (int64, error) {
	return m.get(value)
}

func (m *member) get(value int, options ...clientv3.OpOption) (int64, error) {
	within, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	found, err := m.client(value).Get(within, keyOf(value), options...)
	if err != nil {
		return 0, err
	}
	if len(found.Kvs) != 1 {
		return 0, fmt.Errorf("%d is not there", value)
	}
	return int64(binary.BigEndian.Uint32(found.Kvs[0].Value)), nil
}

func (m *member) applies(value int) bool {
	_, err := m.get(value, clientv3.WithSerializable())
	return err == nil
}

// Each put is a revision; the hash is etcd's own, of all of them.
func (m *member) state() state {
	within, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	all, err := m.clients[0].Get(within, "", clientv3.WithPrefix(), clientv3.WithSerializable())
	if err != nil {
		return state{}
	}
	var puts, sum int64
	for _, found := range all.Kvs {
		puts += found.Version
		sum += found.Version * int64(binary.BigEndian.Uint32(found.Value))
	}
	hash, err := m.clients[0].HashKV(within, m.address, all.Header.Revision)
	if err != nil {
		return state{}
	}
	return state{int(puts), sum, fmt.Sprint(hash.Hash)}
}
