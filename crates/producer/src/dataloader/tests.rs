//! From a configuration of Data Loader to loads that can be read.

use std::{io, path::Path};

use load::{Loads, NamedLoad, Operation};

use super::*;

/// As Data Loader ships it, with its document type.
fn configuration(beans: &str) -> String {
    format!(
        "<!DOCTYPE beans PUBLIC \"-//SPRING//DTD BEAN 2.0//EN\" \
         \"http://www.springframework.org/dtd/spring-beans-2.0.dtd\">\n<beans>\n{beans}\n</beans>\n"
    )
}

fn process(id: &str, settings: &[(&str, &str)]) -> String {
    let entries: String = settings
        .iter()
        .map(|(key, value)| format!("      <entry key=\"{key}\" value=\"{value}\"/>\n"))
        .collect();
    format!(
        "<bean id=\"{id}\" class=\"com.salesforce.dataloader.process.ProcessRunner\" \
         scope=\"prototype\">\n  <description>of {id}</description>\n  \
         <property name=\"name\" value=\"{id}\"/>\n  <property name=\"configOverrideMap\">\n    \
         <map>\n{entries}    </map>\n  </property>\n</bean>\n"
    )
}

fn converted(xml: &str, bean: Option<&str>) -> Result<String, InvalidConfiguration> {
    loads_file("process-conf.xml", xml, &[], bean)
}

/// The loads of one process, as they are read.
fn one(settings: &[(&str, &str)]) -> (NamedLoad, String) {
    let text = converted(&configuration(&process("nightly", settings)), None).unwrap();
    (read(&text).remove(0), text)
}

/// Every printed file can be read, whatever is in it.
fn read(text: &str) -> Vec<NamedLoad> {
    let mapping =
        |_: &Path| -> io::Result<String> { Ok("NAME=Name\nERP_ID=Oracle_Id__c\n".into()) };
    let loads = Loads::parse(Path::new("loads.toml"), text, &mapping);
    loads.unwrap_or_else(|error| panic!("{error}\n{text}")).iter().cloned().collect()
}

const UPSERT: [(&str, &str); 3] = [
    ("sfdc.entity", "Account"),
    ("process.operation", "upsert"),
    ("sfdc.externalIdField", "Oracle_Id__c"),
];

fn upsert_and(settings: &[(&'static str, &'static str)]) -> (NamedLoad, String) {
    one(&[&UPSERT[..], settings].concat())
}

#[test]
fn a_process_becomes_a_load_and_names_what_is_not_its_own() {
    let (load, text) = upsert_and(&[
        ("sfdc.endpoint", "https://login.salesforce.com/services/Soap/u/60.0"),
        ("sfdc.username", "user@mycompany.com"),
        ("sfdc.password", "5555555555555555"),
        ("process.encryptionKeyFile", r"c:\users\username\sample.key"),
        ("sfdc.timeoutSecs", "600"),
        ("sfdc.loadBatchSize", "200"),
        ("process.mappingFile", r"c:\dataloader\conf\accountMap.sdl"),
        ("dataAccess.name", r"c:\dataloader\data\accounts [new].csv"),
        ("dataAccess.type", "csvRead"),
        ("dataAccess.readUTF8", "true"),
        ("process.outputError", r"c:\dataloader\status\error.csv"),
        ("sfdc.timezone", "Europe/Berlin"),
        ("process.useEuropeanDates", "true"),
        ("sfdc.debugMessages", "false"),
        ("acme.colour", "p1nk"),
    ]);

    insta::assert_snapshot!(text);
    assert_eq!(load.name, "nightly");
    assert_eq!(load.files, [r"accounts \[new\].csv"]);
}

#[test]
fn nothing_secret_is_printed() {
    let secrets = [
        ("sfdc.password", "s3cret-1"),
        ("sfdc.proxyPassword", "s3cret-2"),
        ("sfdc.oauth.accesstoken", "s3cret-3"),
        ("sfdc.oauth.Production.clientsecret", "s3cret-4"),
        ("sfdcInternal.sessionId", "s3cret-5"),
        ("sfdc.endpoint", "https://user:s3cret-6@login.salesforce.com/"),
        ("acme.anything", "s3cret-7"),
        ("process.encryptionKeyFile", "/keys/s3cret-8"),
    ];

    let (_, text) = upsert_and(&secrets);

    assert!(!text.contains("s3cret"), "{text}");
    for named in ["sfdc.password", "sfdc.proxyPassword", "acme.anything", "encryptionKeyFile"] {
        assert!(text.contains(named), "{named} in {text}");
    }
}

#[test]
fn each_operation_and_api_has_its_counterpart() {
    type Case =
        (&'static [(&'static str, &'static str)], Operation, Option<&'static str>, &'static str);
    let cases: [Case; 8] = [
        (&[], Operation::Insert, None, "Data Loader takes it for an insert"),
        (&[("process.operation", "insert")], Operation::Insert, None, ""),
        (&[("process.operation", "update")], Operation::Update, Some("Id"), ""),
        (
            &[
                ("process.operation", "update"),
                ("sfdc.externalIdField", "Key__c"),
                ("sfdc.updateWithExternalId", "true"),
            ],
            Operation::Update,
            Some("Key__c"),
            "",
        ),
        (
            &[("process.operation", "delete"), ("sfdc.externalIdField", "Key__c")],
            Operation::Delete,
            Some("Id"),
            "",
        ),
        (
            &[
                ("process.operation", "delete"),
                ("sfdc.externalIdField", "Key__c"),
                ("sfdc.deleteWithExternalId", "true"),
            ],
            Operation::Delete,
            Some("Key__c"),
            "",
        ),
        (
            &[("process.operation", "upsert"), ("sfdc.externalIdField", "Key__c")],
            Operation::Upsert,
            Some("Key__c"),
            "",
        ),
        (
            &[("process.operation", "hard_delete"), ("sfdc.useBulkApi", "true")],
            Operation::HardDelete,
            Some("Id"),
            "api = \"bulk\"",
        ),
    ];
    for (settings, operation, key, said) in cases {
        let settings = [&[("sfdc.entity", "Account")], settings].concat();
        let (NamedLoad { load, .. }, text) = one(&settings);

        assert_eq!((load.operation, load.key.as_deref()), (operation, key), "{text}");
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_load_that_deletes_is_told_nothing_of_values() {
    for operation in ["delete", "hard_delete"] {
        let (NamedLoad { load, .. }, text) = one(&[
            ("sfdc.entity", "Account"),
            ("process.operation", operation),
            ("sfdc.insertNulls", "true"),
            ("sfdc.assignmentRule", "01Q30000000caNlEAI"),
            ("sfdc.loadBatchSize", "50"),
        ]);

        for unsaid in ["truncate", "nulls", "assignment-rule", "dates =", "time-zone", "sfdc."] {
            assert!(!text.contains(unsaid), "{unsaid} in {text}");
        }
        let is_hard = operation == "hard_delete";
        assert_eq!(load.api == load::ApiChoice::Bulk, is_hard, "{text}");
        assert_eq!(text.contains("call-rows = 50"), !is_hard, "{text}");
        assert_eq!(text.contains("gone for good"), is_hard, "{text}");
    }
}

#[test]
fn values_are_read_as_data_loader_reads_them() {
    use load::{ApiChoice, DateOrder};

    let (NamedLoad { load, .. }, _) = upsert_and(&[]);
    assert!(load.values.truncate && !load.values.empty_is_null && !load.dates_are_assumed);
    assert_eq!((load.api, load.call_rows_max), (ApiChoice::Collections, 200));

    let (NamedLoad { load, .. }, text) = upsert_and(&[
        ("sfdc.truncateFields", "false"),
        ("sfdc.insertNulls", "true"),
        ("sfdc.loadBatchSize", "50"),
        ("process.useEuropeanDates", "true"),
        ("sfdc.assignmentRule", "01Q30000000caNlEAI"),
        ("pilot.sfdc.duplicateRule.allowSave", "true"),
        ("sfdc.timezone", "PST"),
    ]);
    assert!(!load.values.truncate && load.values.empty_is_null && load.allow_duplicates);
    assert_eq!((load.values.dates, load.call_rows_max), (DateOrder::DayFirst, 50));
    assert!(load.assignment_rule.is_some());
    assert!(text.contains("sfdc.timezone is `PST`"), "{text}");

    // By Bulk API, Data Loader neither cuts nor empties.
    let (NamedLoad { load, .. }, text) = upsert_and(&[
        ("sfdc.useBulkApi", "true"),
        ("sfdc.insertNulls", "true"),
        ("sfdc.bulkApiSerialMode", "true"),
        ("sfdc.loadBatchSize", "5000"),
        ("pilot.sfdc.duplicateRule.allowSave", "true"),
    ]);
    assert!(!load.values.truncate && !load.values.empty_is_null && !load.allow_duplicates);
    assert_eq!(load.api, ApiChoice::Bulk);
    for said in ["BATCH_ROWS", "BATCH_KEEP_TOGETHER", "insertNulls has no effect"] {
        assert!(text.contains(said), "{said} in {text}");
    }
}

#[test]
fn what_only_some_processes_say_of_the_environment_is_said_to_be_theirs() {
    let delimiter = |character: &'static str| {
        let other = [("loader.csvOther", "true"), ("loader.csvOtherValue", character)];
        [&UPSERT[..], &[("dataAccess.readUTF8", "true")], &other].concat()
    };
    let plain = [&UPSERT[..], &[("dataAccess.readUTF8", "true")]].concat();
    let xml = |beans: &[String]| configuration(&beans.concat());

    let one_of_two = xml(&[process("a", &delimiter("~")), process("b", &plain)]);
    let text = converted(&one_of_two, None).unwrap();
    assert!(text.contains("# * for a: CSV_DELIMITER='~'\n"), "{text}");

    let both = xml(&[process("a", &delimiter("~")), process("b", &delimiter("~"))]);
    let text = converted(&both, None).unwrap();
    assert!(text.contains("# * CSV_DELIMITER='~'\n"), "{text}");

    let found_anyway = xml(&[process("a", &delimiter(";"))]);
    let text = converted(&found_anyway, None).unwrap();
    assert!(text.contains("CSV_DELIMITER: leave it out; the default, auto, finds `;`"), "{text}");
}

#[test]
fn without_a_bean_all_processes_are_converted() {
    let beans = [
        process("accountUpsert", &[&UPSERT[..], &[("dataAccess.name", "a.csv")]].concat()),
        process("accountAgain", &[&UPSERT[..], &[("dataAccess.name", "a.csv")]].concat()),
        process("fromTables", &[&UPSERT[..], &[("dataAccess.type", "databaseRead")]].concat()),
        process("export", &[("sfdc.entity", "Account"), ("process.operation", "extract")]),
        process("halfDone", &[("process.operation", "upsert"), ("sfdc.entity", "Account")]),
        "<bean id=\"schedulerFactory\" class=\"org.quartz.Scheduler\"/>".to_owned(),
    ];
    let xml = configuration(&beans.concat());

    let text = converted(&xml, None).unwrap();
    let names: Vec<String> = read(&text).into_iter().map(|load| load.name).collect();
    assert_eq!(names, ["account-upsert", "account-again", "from-tables"]);
    for said in [
        "of load `account-upsert` already; start this one with --load",
        "dataAccess.type is `databaseRead`, which has no counterpart",
        "process `export`: it reads records out of Salesforce",
        "process `halfDone`: sfdc.externalIdField is not set",
    ] {
        let in_one_line = text.replace("\n#   ", " ");
        assert!(in_one_line.contains(said), "{said} in {text}");
    }

    let text = converted(&xml, Some("accountAgain")).unwrap();
    assert_eq!(read(&text).len(), 1);
    assert_eq!(
        converted(&xml, Some("acountUpsert")).unwrap_err().to_string(),
        "there is no process `acountUpsert`; there are `accountUpsert`, `accountAgain`, \
         `fromTables`, `export`, `halfDone`"
    );
    assert!(
        converted(&xml, Some("export")).unwrap_err().to_string().contains("`sf data export bulk`")
    );
}

#[test]
fn a_bean_has_what_its_parent_says() {
    let parent = "<bean id=\"base\" abstract=\"true\" \
         class=\"com.salesforce.dataloader.process.ProcessRunner\"><property \
         name=\"configOverrideMap\"><map><entry key=\"sfdc.entity\"><value> Account \
         </value></entry><entry><key><value>sfdc.insertNulls</value></key><value>true</value></entry>\
         </map></property></bean>";
    let child = |id: &str, map: &str| {
        format!(
            "<bean id=\"{id}\" parent=\"base\"><property name=\"configOverrideMap\"><map{map}>\
             <entry key=\"process.operation\" value=\"insert\"/></map></property></bean>"
        )
    };
    let xml =
        configuration(&[parent, &child("merged", " merge=\"true\""), &child("alone", "")].concat());

    let text = converted(&xml, None).unwrap();

    let loads = read(&text);
    assert_eq!((loads.len(), loads[0].load.values.empty_is_null), (1, true));
    assert!(text.contains("process `alone`: sfdc.entity is not set"), "{text}");
}

#[test]
fn what_all_processes_have_in_common_is_overruled_by_each() {
    let xml = configuration(&process("nightly", &UPSERT));
    let common =
        [("sfdc.timezone", "Asia/Tokyo"), ("sfdc.entity", "Lead"), ("sfdc.maxRetries", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));

    let text = loads_file("process-conf.xml", &xml, &common, None).unwrap();

    let load = read(&text).remove(0).load;
    assert_eq!(
        (load.object.as_str(), load.values.zone.iana_name()),
        ("Account", Some("Asia/Tokyo"))
    );
    assert!(text.contains("and config.properties beside it"), "{text}");
}

#[test]
fn words_of_the_configuration_stay_in_their_line() {
    let hostile = "x&#10;[loads.evil]&#10;object = &quot;Lead&quot;&#13;&#8238;";
    for key in
        ["dataAccess.name", "process.mappingFile", "sfdc.timezone", "sfdc.username", "acme&#10;x"]
    {
        let (_, text) = upsert_and(&[(key, hostile)]);
        assert_eq!(read(&text).len(), 1, "{text}");
        assert!(!text.contains("\n[loads.evil]") && !text.contains('\u{202e}'), "{text}");
    }
    let id = process("a&#10;[loads.evil]", &UPSERT);
    assert_eq!(read(&converted(&configuration(&id), None).unwrap()).len(), 1);
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused_with_its_line() {
    let nested = format!("{}{}", "<a>".repeat(90_000), "</a>".repeat(90_000));
    let bean = process("a", &UPSERT);
    for (xml, expected) in [
        ("", "line 1: this is no XML"),
        ("sfdc.entity=Account\n", "line 1: this is no XML"),
        ("<beans>\n<bean id=\"a\">\n</beans>", "line 3: this is no XML"),
        ("<a/>", "line 1: this is `a` and not `beans`"),
        ("<beans/>", "there is no process in it"),
        (
            "<!DOCTYPE beans [\n<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<beans>&x;</beans>",
            "line 2: entities are not read",
        ),
        (&configuration(&[&*bean, &bean].concat()), "the bean `a` is there twice"),
        (&configuration(&bean.replace("key=", "kez=")), "line 8: this entry has no `key`"),
        (&configuration(&bean.replace("<bean ", "<bean parent=\"b\" ")), "there is no bean `b`"),
        (&configuration(&bean.replace("<bean ", "<bean parent=\"a\" ")), "is its own parent"),
        (&configuration(&bean.replace("map>", "mad>")), "has no `<map>`"),
        (
            &configuration(&bean.replace("Account", "Acc ount")),
            "sfdc.entity is `Acc ount`, which is no",
        ),
        (&configuration(&nested), "there is no process in it"),
        (&"<a ".repeat(300_000), "line 1: this is no XML"),
        (&format!("<beans>{}</beans>", "<b/>".repeat(250_000)), "this is no XML: "),
    ] {
        let error = converted(xml, None).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected} and not {error}");
    }
}
