package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

const trustDomain = "bench.test"

// authority is the CA of a SPIFFE trust domain, of the benchmark alone.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func newAuthority(directory string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := template("", 1)
	// An issuer of the same name as the subject would look self-signed to OpenSSL.
	template.Subject.CommonName = "benchmark"
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	ca := &authority{certificate, key, 1}
	return ca, ca.writeFiles(directory)
}

func template(path string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{Country: []string{"US"}, Organization: []string{"SPIRE"}},
		URIs:         []*url.URL{{Scheme: "spiffe", Host: trustDomain, Path: path}},
		NotBefore:    time.Now().Add(-10 * time.Second),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// issue makes an SVID as SPIRE does: P-256, one URI SAN, for servers and clients.
func (a *authority) issue(path string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a.serial++
	template := template(path, a.serial)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func (a *authority) writeFiles(directory string) error {
	client, err := a.issue("/watcher")
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name, kind string
		der        []byte
	}{
		{"bundle.pem", "CERTIFICATE", a.certificate.Raw},
		{"client.pem", "CERTIFICATE", client.Certificate[0]},
		{"client.key", "PRIVATE KEY", key},
	} {
		text := pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.der})
		if err := os.WriteFile(filepath.Join(directory, file.name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// serverConfig asks for a client certificate and shows each agent's own SVID.
func (a *authority) serverConfig(agents int) (*tls.Config, error) {
	svids := make([]*tls.Certificate, agents)
	for i := range svids {
		var err error
		if svids[i], err = a.issue(fmt.Sprintf("/agent/%05d", i)); err != nil {
			return nil, err
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  roots,
		// Agents are Python on OpenSSL 3.0, which has no ML-KEM.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			agent := agentAt(hello.Conn.LocalAddr())
			if agent < 0 || agent >= agents {
				return nil, fmt.Errorf("there is no agent %d", agent)
			}
			return svids[agent], nil
		},
	}, nil
}
