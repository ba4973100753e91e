package rtp

import "frontdesk/media"

const dtxInterval = 20 // frames of silence between two packets of a codec with DTX

// WriteFrame implements media.Sink. A nil frame is silence. Codecs without DTX send it as
// comfort noise, because some telephones treat a line without packets as dead.
func (l *Leg) WriteFrame(frame []int16) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.header.Timestamp += l.codec.frameTicks()
	if !l.remote.receives {
		return nil
	}
	if l.dtmf.IsSending() {
		return l.sendEvent()
	}
	if frame == nil {
		if l.silence.frames++; l.codec.hasDTX && l.silence.frames%dtxInterval != 0 {
			l.header.Marker = true
			return nil
		}
		frame = l.silence.buf[:]
		l.silence.noise.Fill(frame)
	} else {
		l.silence.frames = 0
	}
	payload, err := l.encoder.Encode(l.buffers.payload[:], frame)
	if err != nil {
		return err
	}
	return l.send(payload)
}

// SendDTMF queues digits as telephone events. sent is false if the other side does not
// accept telephone events.
func (l *Leg) SendDTMF(digits string) (sent bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.remote.dtmf == 0 {
		return false, nil
	}
	return true, l.dtmf.Queue(digits)
}

// sendEvent sends the next telephone event packet.
func (l *Leg) sendEvent() error {
	payload, stamp, first := l.dtmf.Next(l.buffers.payload[:], l.header.Timestamp, l.codec.frameTicks())
	if len(payload) == 0 {
		return nil
	}
	now := l.header.Timestamp
	l.header.Timestamp, l.header.PayloadType, l.header.Marker = stamp, l.remote.dtmf, first
	err := l.send(payload)
	l.header.Timestamp, l.header.PayloadType, l.header.Marker = now, l.remote.payload, true
	return err
}

// send sends a payload with l.header.
func (l *Leg) send(payload []byte) error {
	l.header.SequenceNumber++
	n, err := l.header.MarshalTo(l.buffers.plain[:])
	if err != nil {
		return err
	}
	n += copy(l.buffers.plain[n:], payload)
	packet := l.buffers.plain[:n]
	if l.srtp.out != nil {
		if packet, err = l.srtp.out.EncryptRTP(l.buffers.encrypted[:0], packet, &l.header); err != nil {
			return err
		}
	}
	l.header.Marker = false
	l.sent.packets++
	l.sent.bytes += uint32(len(payload))
	_, _ = l.conn.WriteToUDPAddrPort(packet, l.peer.addr) // an unsent packet is a lost packet
	return nil
}

var _ media.Sink = (*Leg)(nil)
