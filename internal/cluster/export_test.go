package cluster

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// CompactForTest forgets the history before a revision.
func (c *Cluster) CompactForTest(ctx context.Context, before Revision) error {
	_, err := c.client.Compact(ctx, int64(before), clientv3.WithCompactPhysical())
	return err
}

// RevokeForTest ends a lease behind the store's back.
func (c *Cluster) RevokeForTest(ctx context.Context, id LeaseID) error {
	_, err := c.client.Revoke(ctx, clientv3.LeaseID(id))
	return err
}

// ReopenForTest does at once what keepRoom does every minute.
func (c *Cluster) ReopenForTest() error { return c.reopen() }

// ClientForTest is etcd's own client.
func (c *Cluster) ClientForTest() *clientv3.Client { return c.client }

// ListenersForTest counts what the embedded member listens on.
func (c *Cluster) ListenersForTest() int {
	return len(c.member.etcd.Peers) + len(c.member.etcd.Clients)
}
