package sip

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// socket is one address that we listen on.
type socket struct {
	io.Closer
	network string // udp, tcp, tls
	addr    net.Addr
	port    int
	// serve reads the socket until it is closed. It calls onReading once sipgo can send
	// requests from the socket.
	serve func(s *sipgo.Server, onReading func())
}

// openSockets opens every address to listen on.
func (s *Server) openSockets() error {
	for _, url := range s.o.Listen {
		network, address, _ := strings.Cut(url, "://")
		var opened socket
		var err error
		switch network {
		case "udp":
			opened, err = openUDP(address)
		case "tcp", "tls":
			opened, err = s.openTCP(network, address)
		default:
			return fmt.Errorf("cannot listen on %q (want an address such as udp://:5060, tcp://:5060 or tls://:5061)", url)
		}
		if err != nil {
			return fmt.Errorf("listen for calls: %w", err)
		}
		s.sockets = append(s.sockets, opened)
	}
	return nil
}

func openUDP(address string) (socket, error) {
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		return socket{}, err
	}
	return socket{
		Closer: c, network: "udp", addr: c.LocalAddr(), port: c.LocalAddr().(*net.UDPAddr).Port,
		serve: func(server *sipgo.Server, onReading func()) {
			defer onReading() // if ServeUDP fails at once
			_ = server.ServeUDP(watchedConn{c, onReading})
		},
	}, nil
}

func (s *Server) openTCP(network, address string) (socket, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return socket{}, err
	}
	limited := limitedListener{l, s}
	return socket{
		Closer: l, network: network, addr: l.Addr(), port: l.Addr().(*net.TCPAddr).Port,
		serve: func(server *sipgo.Server, onReading func()) {
			onReading()
			if network == "tls" {
				_ = server.ServeTLS(tls.NewListener(limited, s.o.TLS))
				return
			}
			_ = server.ServeTCP(limited)
		},
	}, nil
}

// watchedConn calls onReading when it is read. By then sipgo has added the socket to its
// pool. A request that is sent earlier would get a socket of its own.
type watchedConn struct {
	net.PacketConn
	onReading func()
}

// ReadFrom implements net.PacketConn.
func (c watchedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	c.onReading()
	return c.PacketConn.ReadFrom(b)
}

// socketFor returns the first socket of a network, or the first socket if there is none.
func (s *Server) socketFor(network string) socket {
	for _, socket := range s.sockets {
		if socket.network == strings.ToLower(network) {
			return socket
		}
	}
	return s.sockets[0]
}

// contact returns the Contact header by which peer reaches us over a network.
func (s *Server) contact(network string, peer netip.Addr) *sip.ContactHeader {
	socket := s.socketFor(network)
	uri := sip.Uri{Scheme: "sip", User: "frontdesk", Host: uriHost(s.localAddr(peer)), Port: socket.port}
	if socket.network != "udp" {
		uri.UriParams = sip.NewParams()
		uri.UriParams.Add("transport", socket.network)
	}
	return &sip.ContactHeader{Address: uri}
}

// setLocalAddr makes a UDP request leave through the socket that we listen on.
func (s *Server) setLocalAddr(r *sip.Request) {
	for _, socket := range s.sockets {
		if a, ok := socket.addr.(*net.UDPAddr); ok && strings.EqualFold(r.Transport(), "UDP") {
			r.Laddr = sip.Addr{IP: a.IP, Port: a.Port}
			return
		}
	}
}

// isConnected reports whether there is a connection to an address.
func (s *Server) isConnected(network, address string) bool {
	c, err := s.ua.TransportLayer().GetConnection(network, address)
	if err == nil {
		_, _ = c.TryClose()
	}
	return err == nil
}

// uriHost returns an address as the host of a URI.
func uriHost(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// localAddr returns our address as peer sees it. For the zero peer it is the address of the
// default route.
func (s *Server) localAddr(peer netip.Addr) netip.Addr {
	if s.o.PublicIP.IsValid() {
		return s.o.PublicIP
	}
	if !peer.IsValid() {
		peer = netip.AddrFrom4([4]byte{192, 0, 2, 1}) // reserved for documentation
	}
	c, err := net.Dial("udp", netip.AddrPortFrom(peer, 9).String()) // sends no packet
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}
