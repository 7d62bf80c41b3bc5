//! What is wrong with the settings of a load, in the words of where they are said.

use load::InvalidLoad;

/// On the command line, beside a load and the environment.
pub(super) fn of_flags(invalid: &InvalidLoad) -> String {
    match invalid {
        InvalidLoad::NoExternalId => {
            "an upsert needs the external id field by which rows find their \
                                      record; say it with --external-id, such as External_Id__c"
                .to_owned()
        }
        InvalidLoad::NotByBulk { what } => {
            format!("Bulk API cannot do {what} as Collections does; say --api collections or auto")
        }
        other => other.to_string(),
    }
}

/// In the body of a request.
pub(super) fn of_request(invalid: &InvalidLoad) -> String {
    match invalid {
        InvalidLoad::NoObject => {
            "it has no `object`, which says what rows become, such as Lead".to_owned()
        }
        InvalidLoad::NoExternalId => "an upsert needs `externalId`, the field by which rows find \
                                      their record, such as External_Id__c"
            .to_owned(),
        InvalidLoad::NotByBulk { what } => format!(
            "Bulk API cannot do {what} as Collections does; write `api` as `collections` or `auto`"
        ),
        InvalidLoad::ColumnsAndLeftOut => {
            "a column that `columns` does not name is not sent; take `leaveOut` away".to_owned()
        }
        other => other.to_string(),
    }
}
