-- A date that an account's field holds stands in no event.
update events
set detail = detail - 'due-at' - 'because'
where kind = 'account.reverification-due'
  and detail ->> 'because' like '% days before %';
