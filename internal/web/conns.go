package web

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// conns bounds inbound connections: above the limit it closes the one that has been
// idle longest. A connection that never sent a request counts as idle.
type conns struct {
	limit   int
	evicted func() // called when a connection is closed because of the limit

	mu   sync.Mutex
	all  map[net.Conn]*list.Element // the element of idle; nil while a request is served
	idle *list.List                 // of net.Conn, longest idle first
}

func newConns(limit int, evicted func()) *conns {
	return &conns{limit: limit, evicted: evicted, all: make(map[net.Conn]*list.Element), idle: list.New()}
}

// state is the ConnState function of an http.Server.
func (c *conns) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s {
	case http.StateNew:
		c.all[conn] = c.idle.PushBack(conn)
		if len(c.all) > c.limit && c.idle.Len() > 0 {
			oldest := c.idle.Remove(c.idle.Front()).(net.Conn)
			delete(c.all, oldest)
			oldest.Close()
			c.evicted()
		}
	case http.StateActive:
		c.removeIdle(conn)
	case http.StateIdle:
		if _, ok := c.all[conn]; ok {
			c.all[conn] = c.idle.PushBack(conn)
		}
	case http.StateClosed, http.StateHijacked:
		c.removeIdle(conn)
		delete(c.all, conn)
	}
}

func (c *conns) removeIdle(conn net.Conn) {
	if e := c.all[conn]; e != nil {
		c.idle.Remove(e)
		c.all[conn] = nil
	}
}
