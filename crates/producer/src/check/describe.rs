//! `producer describe`: shows what objects are like, or saves it, so that a check needs no org.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::Context;
use ingest_core::few;
use load::{Describe, Field};
use tracing::{info, warn};

use crate::{
    cli::check_args::DescribeArgs,
    org::{Describer, DescribesFile},
    report::{
        format::bytes,
        table::{Column, table},
    },
};

pub(crate) async fn describe(args: DescribeArgs) -> anyhow::Result<ExitCode> {
    let describer = Describer::org(&args.salesforce)?;
    let instance = describer.source().await?;
    let mut objects: Vec<Describe> = Vec::new();
    let mut parents = BTreeSet::new();
    for name in &args.objects {
        let object = describer.describe(name).await?;
        if objects.iter().all(|known| known.name != object.name) {
            parents.extend(object.parents());
            objects.push(object.compact());
        }
    }
    if args.out.is_none() && !args.json && io::stdout().is_terminal() {
        let shown: Vec<String> = objects.iter().map(text).collect();
        write!(service::stdout(), "{}", shown.join("\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    parents.retain(|parent| objects.iter().all(|known| known.name != *parent));
    info!("reading {} objects that rows may refer to", parents.len());
    for name in parents {
        match describer.describe(&name).await {
            Ok(parent) => objects.push(parent.as_parent().compact()),
            // A check that needs it says that it is not there.
            Err(error) => warn!(error = %error, "the object {name} is left out"),
        }
    }
    let text = DescribesFile::new(instance, objects).to_json();
    match &args.out {
        None => {
            let mut out = service::stdout();
            out.write_all(text.as_bytes())?;
            out.flush()?;
        }
        Some(path) => {
            std::fs::write(path, &text)
                .with_context(|| format!("could not write {}", path.display()))?;
            info!("saved {}, {}", path.display(), bytes(text.len() as u64));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An object for people.
fn text(object: &Describe) -> String {
    let required: BTreeSet<&str> = object.required().map(|field| field.name.as_str()).collect();
    let row = |field: &Field| {
        let needed = if required.contains(field.name.as_str()) { "required" } else { "" };
        [field.name.clone(), type_of(field), keys(field), written(field), needed.to_owned()]
    };
    let rows: Vec<[String; 5]> = object.fields.iter().map(row).collect();
    let columns = ["FIELD", "TYPE", "KEY", "WRITTEN BY", ""].map(Column::Left);
    let ways = [
        ("create", object.createable),
        ("update", object.updateable),
        ("delete", object.deletable),
    ];
    format!(
        "{}: rows may {}\n\n{}",
        object.name,
        listed(&ways, "do nothing"),
        table(columns, &rows)
    )
}

/// With the size that a value may have.
fn type_of(field: &Field) -> String {
    let Field { field_type, length, digits, precision, scale, .. } = field;
    if !field.reference_to.is_empty() {
        return format!("{field_type} to {}", few(&field.reference_to, ", "));
    }
    let name = if field.restricted_picklist {
        format!("restricted {field_type}")
    } else {
        field_type.clone()
    };
    match (*length, *digits, *precision) {
        (1.., _, _) => format!("{name}({length})"),
        (0, 1.., _) => format!("{name}({digits})"),
        (0, 0, 1..) => format!("{name}({precision},{scale})"),
        (0, 0, 0) => name,
    }
}

/// Whether rows may find their record by it.
fn keys(field: &Field) -> String {
    let keys = [
        ("external id", field.external_id),
        ("idLookup", field.id_lookup),
        ("unique", field.unique),
    ];
    listed(&keys, "")
}

fn written(field: &Field) -> String {
    listed(&[("create", field.createable), ("update", field.updateable)], "nobody")
}

fn listed(words: &[(&str, bool)], none: &str) -> String {
    let said: Vec<&str> = words.iter().filter(|(_, is_so)| *is_so).map(|(word, _)| *word).collect();
    if said.is_empty() { none.to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_shown_as_a_table_of_its_fields() {
        let described = json!({"name": "Contact", "createable": true, "updateable": true, "fields": [
            {"name": "Id", "type": "id", "length": 18, "idLookup": true, "defaultedOnCreate": true},
            {"name": "Key__c", "type": "string", "length": 20, "externalId": true, "idLookup": true,
             "unique": true, "nillable": true, "createable": true, "updateable": true},
            {"name": "LastName", "type": "string", "length": 80, "createable": true, "updateable": true},
            {"name": "AccountId", "type": "reference", "length": 18, "nillable": true, "createable": true,
             "referenceTo": ["Account"]},
            {"name": "Amount__c", "type": "double", "precision": 18, "scale": 2, "nillable": true,
             "createable": true, "updateable": true},
            {"name": "Kind__c", "type": "picklist", "length": 255, "restrictedPicklist": true,
             "nillable": true, "createable": true, "updateable": true},
        ]});
        let object: Describe = serde_json::from_value(described).unwrap();

        assert_eq!(
            text(&object),
            "Contact: rows may create, update\n\n\
             FIELD      TYPE                      KEY                            WRITTEN BY\n\
             Id         id(18)                    idLookup                       nobody\n\
             Key__c     string(20)                external id, idLookup, unique  create, update\n\
             LastName   string(80)                                               create, update  required\n\
             AccountId  reference to Account                                     create\n\
             Amount__c  double(18,2)                                             create, update\n\
             Kind__c    restricted picklist(255)                                 create, update\n"
        );
    }
}
