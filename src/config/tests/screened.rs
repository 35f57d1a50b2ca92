//! What of an account is screened, and how faults of that are named.

use super::faults::faults;

#[test]
fn screened_documents_name_their_sort_and_fields_that_are_there() {
    let text = "\
[account-types.boat]
kind = 'organisation'
statuses = ['afloat']
screened = { names = ['name'], gender = 'length', documents = [{ field = 'imo', kind = 'imo' }, { field = 'name' }, { field = 'flag', kind = 'passport' }], email-addresses = ['length'], ip-addresses = ['name'] }
[account-types.boat.fields]
name = { type = 'string' }
imo = { type = 'string' }
length = { type = 'number' }
";
    assert_eq!(
        faults(text),
        [
            "etc/wk.toml:4: account-types.boat.screened.documents[1].kind: is missing; accepted is one of passport, \
             national-id, tax-id, drivers-license, registration, imo",
            "etc/wk.toml:4: account-types.boat.screened.documents[2].field: accepted is a field of numbers of documents \
             (imo, name), found \"flag\"",
            "etc/wk.toml:4: account-types.boat.screened.email-addresses[0]: accepted is a field of e-mail addresses \
             (imo, name), found \"length\"",
            "etc/wk.toml:4: account-types.boat.screened.gender: accepted is a field of texts (imo, name), found \"length\"",
        ]
    );
}
