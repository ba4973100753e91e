package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"golang.org/x/crypto/acme/autocert"
)

// Certificates says where HTTPS gets its certificates from: files or ACME.
type Certificates struct {
	CertFile, KeyFile string   // PEM
	Domains           []string // ACME: domain names of the certificates
	Email             string   // ACME: contact for the certificate authority
	Cache             string   // ACME: folder for the certificates
}

// Config returns the TLS configuration, or nil if neither files nor domains are set. The
// ACME challenge (TLS-ALPN-01, RFC 8737) is answered on the HTTPS port itself.
func (c Certificates) Config() (*tls.Config, error) {
	switch {
	case c.CertFile != "":
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load certificate: %w", err)
		}
		return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
	case len(c.Domains) > 0:
		m := &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			HostPolicy: autocert.HostWhitelist(c.Domains...),
			Email:      c.Email,
			Cache:      autocert.DirCache(filepath.Clean(c.Cache)),
		}
		t := m.TLSConfig()
		t.MinVersion = tls.VersionTLS12
		t.NextProtos = []string{"http/1.1", "acme-tls/1"}
		return t, nil
	}
	return nil, nil
}

// Serve serves HTTP on l, or HTTPS if t is set, until ctx ends. Requests in progress then
// have the time grace to finish.
func Serve(ctx context.Context, l net.Listener, t *tls.Config, h http.Handler, grace time.Duration, log *zap.Logger) error {
	if t != nil {
		l = tls.NewListener(l, t)
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          zap.NewStdLog(log.WithOptions(zap.IncreaseLevel(zap.ErrorLevel))),
	}
	stopped := make(chan error, 1)
	unhook := context.AfterFunc(ctx, func() {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		stopped <- srv.Shutdown(stopCtx)
	})
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		unhook()
		return err
	}
	return <-stopped
}
