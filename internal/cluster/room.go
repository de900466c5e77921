package cluster

import (
	"context"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// roomEvery is how often a member looks whether it may take writes again.
	roomEvery = time.Minute
	// roomTimeout bounds the rewriting of the file, which takes seconds a GiB and holds up all calls.
	roomTimeout = 5 * time.Minute
	// roomShare is the share of the quota below which what is left is worth the rewriting.
	roomShare = 0.8
)

// alarms reads the alarms in the errors of etcd's status.
func alarms(errs []string) (full, corrupt bool) {
	for _, e := range errs {
		full = full || strings.Contains(e, "alarm:NOSPACE")
		corrupt = corrupt || strings.Contains(e, "alarm:CORRUPT")
	}
	return full, corrupt
}

// keepRoom opens a full store again once enough of it has been deleted, or the quota has been raised. By itself etcd stays closed
// until an operator rewrites its file and clears the alarm, for which this member has no port.
func (c *Cluster) keepRoom() {
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for {
		if err := c.reopen(); err != nil && c.life.Err() == nil && c.store.closedFor() == nil {
			c.log.Warn("the state store is full and could not be opened again", "error", err)
		}
		select {
		case <-c.life.Done():
			return
		case <-tick.C:
		}
	}
}

// reopen does nothing unless the store is full and has room.
func (c *Cluster) reopen() error {
	ctx, cancel := context.WithTimeout(c.life, roomTimeout)
	defer cancel()
	if err := c.store.gate.enter(); err != nil {
		return err
	}
	defer c.store.gate.leave()
	status, err := c.etcdStatus(ctx)
	if err != nil {
		return readFault(err)
	}
	isFull, _ := alarms(status.Errors)
	if !isFull || float64(status.DbSizeInUse) > roomShare*float64(c.cfg.Quota) {
		return nil
	}
	if err := c.member.defrag(); err != nil {
		return readFault(err)
	}
	full := &clientv3.AlarmMember{MemberID: uint64(c.member.etcd.Server.MemberID()), Alarm: etcdserverpb.AlarmType_NOSPACE}
	if _, err := c.client.AlarmDisarm(ctx, full); err != nil {
		return readFault(err)
	}
	c.log.Info("state store opened again after it was full", "bytes", status.DbSizeInUse)
	return nil
}
