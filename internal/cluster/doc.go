// Package cluster is Orotund's replicated store: a small ordered map from keys to values, with transactions, watches and leases. It
// is kept by an etcd member inside the process (mode "embedded") or by an etcd that already runs (mode "external"). Nothing outside
// this package knows about etcd.
//
// What belongs here is small and must survive: tasks, voices, keys, consent. Audio belongs in the blob store, and a request that is
// answered at once never waits for this store.
//
// # Writing
//
// A write is a transaction: it is applied whole, or not at all, and it is on disk (on a majority of members, when there are several)
// before Commit returns. A write whose answer was lost ends with an error for which OutcomeUnknown is true: it may or may not have
// happened. So make every write one that may be repeated, with conditions that the first attempt makes false, and read back to learn
// which attempt won.
//
// # Traps
//
// A lease says "this process lives", and a change of leader renews it: for an expiry date write an absolute time into a key, and
// let a janitor look for it. A list costs time in proportion to all keys below its prefix after its start, whatever its limit: put
// keys into buckets (by minute, say) when there will be more than some ten thousand.
package cluster
