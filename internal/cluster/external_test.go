package cluster_test

import (
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/cluster/storetest"
	"github.com/orotund/orotund/internal/fault"
)

// childEtcd is a real etcd on TCP. The first argument is host:port; with three more, the files of its certificate, its key and its
// clients' authority, it wants TLS on both sides. It says "listening URL".
func childEtcd(dir string, args []string) error {
	cfg := embed.NewConfig()
	cfg.Dir = dir
	cfg.LogLevel = "error"
	cfg.ListenPeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	listen := url.URL{Scheme: "http", Host: args[0]}
	if len(args) > 1 {
		listen.Scheme = "https"
		cfg.ClientTLSInfo.CertFile, cfg.ClientTLSInfo.KeyFile, cfg.ClientTLSInfo.TrustedCAFile = args[1], args[2], args[3]
		cfg.ClientTLSInfo.ClientCertAuth = true
	}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{listen}, []url.URL{listen}
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	<-etcd.Server.ReadyNotify()
	listen.Host = etcd.Clients[0].Addr().String()
	say("listening %s", listen.String())
	leash()
	etcd.Close()
	return nil
}

// server starts an etcd and returns its URL.
func server(t *testing.T, dir, address string, tls ...string) (*process, string) {
	t.Helper()
	p := spawn(t, command(t, "etcd", dir, append([]string{address}, tls...)...))
	return p, p.want(t, "listening ")
}

func external(endpoint string) cluster.Config {
	cfg := embedded("")
	cfg.Mode = cluster.ModeExternal
	cfg.External.Endpoints = []string{endpoint}
	return cfg
}

func TestExternalStore(t *testing.T) {
	_, endpoint := server(t, t.TempDir(), "127.0.0.1:0")
	c := start(t, external(endpoint))
	if err := c.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	storetest.Run(t, harness(c))
}

// TestSharedEtcd wants two installations in one etcd not to see each other.
func TestSharedEtcd(t *testing.T) {
	_, endpoint := server(t, t.TempDir(), "127.0.0.1:0")
	a, b := external(endpoint), external(endpoint)
	a.Prefix, b.Prefix = "a/", "ab/"
	for i, cfg := range []cluster.Config{a, b} {
		c := start(t, cfg)
		txn := cluster.Txn{If: []cluster.Condition{cluster.Absent("k")}, Puts: []cluster.Put{{Key: "k", Value: []byte{byte(i)}}}}
		if _, err := c.Store().Commit(t.Context(), txn); err != nil {
			t.Fatal(err)
		}
		page, err := c.Store().List(t.Context(), cluster.ListQuery{})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Key != "k" || page.Entries[0].Value[0] != byte(i) {
			t.Fatalf("%+v, %v", page, err)
		}
	}
}

// TestExternalDies kills the etcd, wants writes to end unknown in time, and everything to go on when it is back.
func TestExternalDies(t *testing.T) {
	dir := t.TempDir()
	p, endpoint := server(t, dir, "127.0.0.1:0")
	cfg := external(endpoint)
	cfg.RequestTimeout = time.Second
	c := start(t, cfg)
	put := func(value string) error {
		_, err := c.Store().Commit(t.Context(), cluster.Txn{Puts: []cluster.Put{{Key: "k", Value: []byte(value)}}})
		return err
	}
	if err := put("1"); err != nil {
		t.Fatal(err)
	}
	w, err := c.Store().Watch(t.Context(), cluster.WatchQuery{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p.kill()
	if err := put("lost"); !cluster.OutcomeUnknown(err) || !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Deadline) {
		t.Fatalf("write to a dead etcd: %v", err)
	}
	if _, err := c.Store().Get(t.Context(), "k"); err == nil || cluster.OutcomeUnknown(err) {
		t.Fatalf("read from a dead etcd: %v", err)
	}
	if err := c.Ready(t.Context()); err == nil {
		t.Fatal("a dead etcd is ready")
	}
	address, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	server(t, dir, address.Host)
	deadline := time.Now().Add(patience)
	for err := put("2"); err != nil; err = put("2") {
		if time.Now().After(deadline) {
			t.Fatalf("after etcd is back: %v", err)
		}
	}
	var got []string
	for !slices.Contains(got, "2") {
		change, err := w.Next(t.Context())
		if err != nil {
			t.Fatalf("watch after etcd is back: %v", err)
		}
		for _, e := range change.Events {
			got = append(got, string(e.Entry.Value))
		}
	}
	// Once more if an attempt that ended unknown was applied; but not what was before the watch.
	if slices.ContainsFunc(got, func(v string) bool { return v != "2" }) {
		t.Fatalf("the watch went on with %q", got)
	}
}

func TestExternalUnreachable(t *testing.T) {
	cfg := external("http://127.0.0.1:1")
	cfg.StartTimeout, cfg.RequestTimeout = time.Second, 300*time.Millisecond
	c := cluster.New(cfg, testLog(t), nil)
	if err := c.Start(t.Context()); !fault.Is(err, fault.Unavailable) || fault.From(err).Code != cluster.CodeFailed {
		t.Fatalf("start: %v", err)
	}
	stop(t, c)
}

// TestExternalSecured has an etcd with TLS on both sides, users and rights.
func TestExternalSecured(t *testing.T) {
	files := makeCertificates(t)
	_, endpoint := server(t, t.TempDir(), "127.0.0.1:0", files.cert, files.key, files.ca)
	cfg := external(endpoint)
	cfg.RequestTimeout = patience
	cfg.External.CAFile, cfg.External.CertFile, cfg.External.KeyFile = files.ca, files.cert, files.key

	c := start(t, cfg)
	addUsers(t, c.ClientForTest())
	cfg.External.User, cfg.External.Password = "orotund", "right"
	allowed := start(t, cfg)
	if _, err := allowed.Store().Commit(t.Context(), cluster.Txn{Puts: []cluster.Put{{Key: "k"}}}); err != nil {
		t.Fatal(err)
	}
	if err := allowed.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}

	refused := func(name, code string, change func(*cluster.Config)) {
		t.Helper()
		cfg := cfg
		change(&cfg)
		c := cluster.New(cfg, testLog(t), nil)
		if err := c.Start(t.Context()); fault.From(err) == nil || fault.From(err).Code != code {
			t.Errorf("%s: %v, want %s", name, err, code)
		}
		stop(t, c)
	}
	refused("wrong password", cluster.CodeRefused, func(c *cluster.Config) { c.External.Password = "wrong" })
	refused("keys of others", cluster.CodeRefused, func(c *cluster.Config) { c.Prefix = "other/" })
	refused("no user", cluster.CodeRefused, func(c *cluster.Config) { c.External.User, c.External.Password = "", "" })
	refused("no certificate", cluster.CodeFailed, func(c *cluster.Config) {
		c.StartTimeout = time.Second // the handshake fails again and again
		c.External.CertFile, c.External.KeyFile = "", ""
	})
	refused("unknown authority", cluster.CodeFailed, func(c *cluster.Config) {
		c.StartTimeout = time.Second
		c.External.CAFile = ""
	})
	refused("absent file", cluster.CodeFailed, func(c *cluster.Config) { c.External.CAFile = filepath.Join(t.TempDir(), "none") })
}

// addUsers turns on etcd's rights; orotund may use its own keys.
func addUsers(t *testing.T, client *clientv3.Client) {
	t.Helper()
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	do(client.UserAdd(ctx, "root", "root"))
	do(client.UserGrantRole(ctx, "root", "root"))
	do(client.RoleAdd(ctx, "orotund"))
	do(client.RoleGrantPermission(ctx, "orotund", "orotund/", clientv3.GetPrefixRangeEnd("orotund/"),
		clientv3.PermissionType(clientv3.PermReadWrite)))
	do(client.UserAdd(ctx, "orotund", "right"))
	do(client.UserGrantRole(ctx, "orotund", "orotund"))
	do(client.AuthEnable(ctx))
}
