-- Everything that is held about a person is another matter than accounts: `account.*` does not allow to export it. Keys
-- that were given it by name keep it.
update api_keys set permissions = array_replace(permissions, 'account.export', 'subject.export');
