-- Which object an answer tells of: redacting that object takes the answer along, not only redacting its account.
alter table idempotency_replies add column object_id uuid;
