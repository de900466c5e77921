package cluster

import (
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/orotund/orotund/internal/fault"
)

// validate checks keys, sizes and counts, and that each key is written once, so that etcd refuses nothing for its form.
func (t Txn) validate() error {
	writes := len(t.Puts) + len(t.Deletes)
	switch {
	case writes == 0:
		return fault.InvalidField("txn", "must write something")
	case writes > MaxTxnOps || len(t.If) > MaxTxnOps:
		return fault.New(fault.TooLarge, "a transaction has at most %d writes and %d conditions", MaxTxnOps, MaxTxnOps)
	}
	size := 0
	for _, c := range t.If {
		if c.kind == 0 {
			return fault.InvalidField("txn", "has an empty condition")
		}
		if c.kind == isUnchanged && c.revision <= 0 {
			// For etcd an absent key has revision 0: the condition would say the opposite of what it promises.
			return fault.InvalidField("txn", "has a condition on revision %d; revisions start at 1", c.revision)
		}
		if err := ValidateKey(c.key); err != nil {
			return err
		}
		size += len(c.key)
	}
	seen := make(map[string]struct{}, writes)
	once := func(key string) error {
		if err := ValidateKey(key); err != nil {
			return err
		}
		if _, twice := seen[key]; twice {
			return fault.InvalidField("txn", "writes a key twice")
		}
		seen[key] = struct{}{}
		size += len(key)
		return nil
	}
	for _, p := range t.Puts {
		if err := once(p.Key); err != nil {
			return err
		}
		if len(p.Value) > MaxValueBytes {
			return fault.New(fault.TooLarge, "a value has %d bytes; at most %d are allowed", len(p.Value), MaxValueBytes)
		}
		size += len(p.Value)
	}
	for _, key := range t.Deletes {
		if err := once(key); err != nil {
			return err
		}
	}
	if size > MaxTxnBytes {
		return fault.New(fault.TooLarge, "a transaction has %d bytes; at most %d are allowed", size, MaxTxnBytes)
	}
	return nil
}

// lower turns t into etcd's terms.
func (t Txn) lower(prefix string) ([]clientv3.Cmp, []clientv3.Op) {
	conditions := make([]clientv3.Cmp, 0, len(t.If))
	for _, c := range t.If {
		key := prefix + c.key
		switch c.kind {
		case isAbsent:
			conditions = append(conditions, clientv3.Compare(clientv3.CreateRevision(key), "=", 0))
		case isPresent:
			conditions = append(conditions, clientv3.Compare(clientv3.CreateRevision(key), ">", 0))
		case isUnchanged:
			conditions = append(conditions, clientv3.Compare(clientv3.ModRevision(key), "=", int64(c.revision)))
		}
	}
	ops := make([]clientv3.Op, 0, len(t.Puts)+len(t.Deletes))
	for _, p := range t.Puts {
		var opts []clientv3.OpOption
		if p.Lease != 0 {
			opts = append(opts, clientv3.WithLease(clientv3.LeaseID(p.Lease)))
		}
		ops = append(ops, clientv3.OpPut(prefix+p.Key, string(p.Value), opts...))
	}
	for _, key := range t.Deletes {
		ops = append(ops, clientv3.OpDelete(prefix+key))
	}
	return conditions, ops
}
