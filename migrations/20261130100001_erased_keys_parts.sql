-- What of an object was destroyed with its key when that was not all: the erasure ledger takes it along, so that a
-- replay after a restore destroys the same, and no more.
alter table erased_keys add column fields text[];
alter table erased_keys add column kept text[];
