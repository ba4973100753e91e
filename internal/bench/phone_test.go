package bench

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/pion/rtp"

	"frontdesk/media"
)

// phoneFrame is the RTP timestamps in 20 ms: the clock runs at 8 kHz, for G.722 too (RFC 3551, 4.5.2).
const phoneFrame = 160

// phone is a telephone call: sipgo's signalling, and RTP in a codec.
type phone struct {
	ua     *sipgo.UserAgent
	dialog *sipgo.DialogClientSession
	rtp    *net.UDPConn
	to     netip.AddrPort
	header rtp.Header
	packet [1500]byte
	once   sync.Once
}

// callDesk calls the desk at a SIP address and returns when it has answered.
func callDesk(ctx context.Context, at, codec string) (*phone, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	p := &phone{rtp: conn, header: rtp.Header{Version: 2, SSRC: 1}}
	if p.ua, err = sipgo.NewUA(); err != nil {
		return nil, err
	}
	if err := p.invite(ctx, at, codec); err != nil {
		p.hangUp()
		return nil, err
	}
	return p, nil
}

func (p *phone) invite(ctx context.Context, at, codec string) error {
	client, err := sipgo.NewClient(p.ua, sipgo.WithClientHostname("127.0.0.1"), sipgo.WithClientNAT())
	if err != nil {
		return err
	}
	var to sip.Uri
	if err := sip.ParseUri("sip:desk@"+at, &to); err != nil {
		return err
	}
	if codec == "g722" {
		p.header.PayloadType = 9
	}
	port := p.rtp.LocalAddr().(*net.UDPAddr).Port
	offer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %d\r\n", port, p.header.PayloadType)
	ua := sipgo.DialogUA{Client: client, ContactHDR: sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "caller", Host: "127.0.0.1", Port: port}}}
	if p.dialog, err = ua.Invite(ctx, to, []byte(offer), sip.NewHeader("Content-Type", "application/sdp")); err != nil {
		return err
	}
	if err := p.dialog.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
		return err
	}
	var audio int
	for line := range strings.Lines(string(p.dialog.InviteResponse.Body())) {
		_, _ = fmt.Sscanf(line, "m=audio %d", &audio)
	}
	p.to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(audio))
	return p.dialog.Ack(ctx)
}

// send sends a packet of 20 ms.
func (p *phone) send(payload []byte) error {
	p.header.SequenceNumber++
	p.header.Timestamp += phoneFrame
	n, err := p.header.MarshalTo(p.packet[:])
	if err != nil {
		return err
	}
	n += copy(p.packet[n:], payload)
	_, _ = p.rtp.WriteToUDPAddrPort(p.packet[:n], p.to) // it fails after hanging up
	return nil
}

func (p *phone) hangUp() {
	p.once.Do(func() {
		_ = p.rtp.Close()
		if p.dialog != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = p.dialog.Bye(ctx)
			_ = p.dialog.Close()
		}
		_ = p.ua.Close()
	})
}

// dial calls by telephone and starts to talk.
func (c *caller) dial(ctx context.Context) error {
	p, err := callDesk(ctx, c.plan.SIP, c.plan.Phone)
	if err != nil {
		return err
	}
	var decoder media.Decoder = media.NewG711Decoder(media.DecodePCMU)
	if c.plan.Phone == "g722" {
		decoder = media.NewG722Decoder()
	}
	c.phone, c.received.frame = p, phoneFrame
	c.work.Go(func() { c.receivePhone(decoder) })
	c.start()
	return nil
}

// receivePhone receives the agent's voice until the call ends.
func (c *caller) receivePhone(decoder media.Decoder) {
	buf := make([]byte, 1500)
	var pcm []int16
	var p rtp.Packet
	for {
		n, err := c.phone.rtp.Read(buf)
		if err != nil {
			return
		}
		now := time.Now()
		if p.Unmarshal(buf[:n]) != nil || p.PayloadType != c.phone.header.PayloadType {
			continue
		}
		if pcm, err = decoder.Decode(pcm[:0], p.Payload); err == nil {
			c.receive(sentPacket{at: now, sequence: p.SequenceNumber, timestamp: p.Timestamp}, pcm)
		}
	}
}
