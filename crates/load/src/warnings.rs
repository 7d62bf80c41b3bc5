//! What is worth knowing of a mapping before rows are sent by it.

use crate::{Mapping, Operation, Plan, TargetRules};

impl Mapping {
    /// What may go wrong later, a sentence each, as far as it can be said without a header.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let targets = || self.columns().iter().flat_map(|column| &column.targets);
        let mut warnings: Vec<String> =
            targets().filter_map(|target| target.warning.clone()).collect();
        warnings.extend(self.rules().assumed_dates(targets()));
        let required = self.required_but_not_filled();
        if !required.is_empty() {
            warnings.push(format!(
                "no column fills {}; rows that would create a record are rejected without it",
                required.join(", ")
            ));
        }
        warnings.extend(of_rules(self.rules()));
        warnings
    }

    /// The same of the columns of a header, but for the fields that
    /// [none of them fills](Self::required_without), and for the
    /// [order of dates](Self::assumed_dates).
    #[must_use]
    pub fn warnings_of(&self, plan: &Plan) -> Vec<String> {
        let of_targets = plan.targets().filter_map(|(_, target)| target.warning.clone());
        of_targets.chain(of_rules(self.rules())).collect()
    }

    /// Which order of dates is taken on trust, when any of these targets of a plan, by number, has
    /// dates with slashes.
    #[must_use]
    pub fn assumed_dates(&self, plan: &Plan, with_slashes: &[usize]) -> Option<String> {
        let targets = plan.targets().enumerate();
        let targets = targets.filter(|(number, _)| with_slashes.contains(number));
        self.rules().assumed_dates(targets.map(|(_, (_, target))| target))
    }
}

/// Of the operation, and of the field by which rows find their record.
fn of_rules(rules: &TargetRules) -> impl Iterator<Item = String> {
    let insert = (rules.operation == Operation::Insert).then(|| {
        "insert can store a row twice when a consumer dies; an upsert by external id cannot"
            .to_owned()
    });
    insert.into_iter().chain(of_key(rules))
}

/// What is worth knowing of an external id that several records may share.
fn of_key(rules: &TargetRules) -> Option<String> {
    let key = rules.key.as_ref().filter(|_| rules.operation == Operation::Upsert)?;
    let field = rules.describe.field(&key.field)?;
    (field.field_type != "id" && !field.unique).then(|| {
        format!(
            "external id {} of {} is not unique: an upsert by it needs the permission View All \
             Data, and rows that find several records are rejected (DUPLICATE_EXTERNAL_ID, or \
             HTTP 300 MULTIPLE_CHOICES); tick Unique in its definition",
            field.name, rules.describe.name
        )
    })
}
