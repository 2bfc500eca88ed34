package web

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// conns bounds inbound connections: above the limit the one that has been idle
// longest goes. One that never sent a request counts as idle.
type conns struct {
	limit   int
	evicted func()

	mu   sync.Mutex
	all  map[net.Conn]*list.Element // nil while a request is served
	idle *list.List                 // of net.Conn, the longest first
}

func newConns(limit int, evicted func()) *conns {
	return &conns{limit: limit, evicted: evicted, all: make(map[net.Conn]*list.Element), idle: list.New()}
}

// state is a http.Server's ConnState.
func (c *conns) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s {
	case http.StateNew:
		c.all[conn] = c.idle.PushBack(conn)
		if len(c.all) > c.limit && c.idle.Len() > 0 {
			c.evict(c.idle.Front())
		}
	case http.StateActive:
		c.unlist(conn)
	case http.StateIdle:
		if _, here := c.all[conn]; here {
			c.all[conn] = c.idle.PushBack(conn)
		}
	case http.StateClosed, http.StateHijacked:
		c.unlist(conn)
		delete(c.all, conn)
	}
}

func (c *conns) evict(e *list.Element) {
	conn := c.idle.Remove(e).(net.Conn)
	delete(c.all, conn)
	conn.Close()
	c.evicted()
}

func (c *conns) unlist(conn net.Conn) {
	if e := c.all[conn]; e != nil {
		c.idle.Remove(e)
		c.all[conn] = nil
	}
}
