-- Whether an account that shares a token with what came could match it.
alter table rescreen_accounts add column concerned boolean not null default true;
