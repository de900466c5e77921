package cluster

import (
	"context"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/orotund/orotund/internal/fault"
)

// batch is how many entries are read at once. It bounds what a list holds: etcd limits an answer by entries, not by bytes, and this many
// values may have MaxValueBytes each.
const batch = 64

func (q ListQuery) validate() error {
	if err := ValidatePrefix(q.Prefix); err != nil {
		return err
	}
	if q.After != "" {
		if err := ValidateKey(q.After); err != nil {
			return err
		}
		if !strings.HasPrefix(q.After, q.Prefix) {
			return fault.InvalidField("after", "must have the prefix")
		}
	}
	if q.Limit < 0 || q.Limit > MaxLimit {
		return fault.InvalidField("limit", "is %d; 0 to %d are allowed", q.Limit, MaxLimit)
	}
	if q.Revision < 0 {
		return fault.InvalidField("revision", "must not be negative")
	}
	return nil
}

// List implements Store.
func (s *kv) List(ctx context.Context, q ListQuery) (page Page, err error) {
	if err := q.validate(); err != nil {
		return Page{}, err
	}
	ctx, c, err := s.begin(ctx, "list")
	if err != nil {
		return Page{}, err
	}
	defer func() { c.end(err) }()
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	page.Revision = q.Revision
	for size := 0; ; {
		n := q.Limit - len(page.Entries)
		if !q.KeysOnly {
			n = min(n, batch)
		}
		resp, err := s.scan(ctx, q, page.Revision, n)
		if err != nil {
			return Page{}, readFault(err)
		}
		if page.Revision == 0 {
			// All that follows comes from the same state.
			page.Revision = Revision(resp.Header.Revision)
		}
		for _, item := range resp.Kvs {
			page.Entries = append(page.Entries, s.entry(item))
			size += len(item.Value)
		}
		page.More = resp.More
		if !resp.More || len(page.Entries) >= q.Limit || size >= pageBytes {
			return page, nil
		}
		q.After = page.Entries[len(page.Entries)-1].Key
	}
}

// scan reads up to n entries.
func (s *kv) scan(ctx context.Context, q ListQuery, at Revision, n int) (*clientv3.GetResponse, error) {
	from := s.prefix + q.Prefix
	if q.After != "" {
		from = s.prefix + q.After + "\x00"
	}
	opts := []clientv3.OpOption{
		clientv3.WithRange(clientv3.GetPrefixRangeEnd(s.prefix + q.Prefix)),
		clientv3.WithLimit(int64(n)),
		clientv3.WithRev(int64(at)),
	}
	if q.KeysOnly {
		opts = append(opts, clientv3.WithKeysOnly())
	}
	return s.client.Get(ctx, from, opts...)
}

func (s *kv) entry(item *mvccpb.KeyValue) Entry {
	return Entry{
		Key:      string(item.Key[len(s.prefix):]),
		Value:    item.Value,
		Created:  Revision(item.CreateRevision),
		Modified: Revision(item.ModRevision),
		Lease:    LeaseID(item.Lease),
	}
}
