use crate::{
    kinds::GENERATED,
    pipeline::{FILE, Pipeline, Report},
};

#[test]
fn every_row_of_an_awkward_file_arrives_as_it_is() {
    let pipeline = Pipeline::start();
    pipeline.generate(20_000, &["--awkward"]);
    let _consumers = [pipeline.consumer(), pipeline.consumer()];

    let ended = pipeline.sync(&["--run-id", "first", "--json"]).end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(20_000);
    assert_eq!((report.number("created"), report.number("batchesFed")), (20_000, 100));
    pipeline.assert_every_row_is_where_it_belongs("first", FILE);

    // The same file again: nothing is created twice.
    let ended = pipeline.sync(&["--run-id", "second", "--json"]).end();
    let report = Report::of(&ended);
    report.assert_it_adds_up(20_000);
    assert_eq!((report.number("created"), report.number("updated")), (0, 20_000));
    pipeline.assert_every_row_is_where_it_belongs("second", FILE);
}

#[test]
fn rejected_rows_are_in_the_rejects_file_once_each_with_their_reason() {
    let pipeline = Pipeline::start();
    pipeline.generate(10_000, &["--awkward", "--bad-rows", "50"]);
    let _consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "bad", "--json"]).end();

    assert_eq!(ended.code, Some(3), "done with rejects: {ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(10_000);
    let rejected = report.number("rejected");
    assert!((300..800).contains(&rejected), "{rejected} of 10,000 at 50 per mille");
    assert_eq!(report.text("rejectsFile"), "rejects/bad.csv");
    pipeline.assert_every_row_is_where_it_belongs("bad", FILE);
    let rejects = pipeline.rejects("bad");
    assert_eq!(rejects.len() as u64, rejected);
    assert!(report.by_code("REQUIRED_FIELD_MISSING") > 0, "{report:?}");
    for row in rejects {
        let [.., record, code, message] = &row[..] else { panic!("{row:?}") };
        assert!(record.parse::<u64>().unwrap() <= 10_000);
        assert!(!code.is_empty() && !message.is_empty(), "{row:?}");
    }
}

#[test]
fn the_log_of_a_run_reads_as_its_users_know_it() {
    let pipeline = Pipeline::start();
    pipeline.generate(1_000, &[]);
    let _consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "told"]).end();

    for line in [
        "Worker started job: full-import",
        "Downloading stream from Azure: big-data-import.csv...",
        "Batch #1 processed: 200 records.",
        "Job Completed! Total Rows Processed: 1000",
    ] {
        assert!(ended.stderr.lines().any(|said| said == line), "{line:?} in {}", ended.stderr);
    }
    assert!(ended.stdout.contains("rows read       1,000"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("Batch #1"), "words are on stderr: {}", ended.stdout);
    pipeline.assert_every_row_is_where_it_belongs("told", FILE);
}

#[test]
fn locked_rows_refused_calls_and_lost_answers_cost_no_row_and_count_none_twice() {
    let pipeline = Pipeline::with_salesforce(&[
        "--row-lock-permille=20",
        "--unavailable-permille=20",
        "--answer-lost-permille=20",
        "--seed=11",
    ]);
    pipeline.generate(10_000, &["--bad-rows", "10"]);
    let _consumers = [pipeline.consumer(), pipeline.consumer()];

    let ended = pipeline.sync(&["--run-id", "faults", "--json"]).end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(10_000);
    assert!(report.number("retried") > 0, "the faults were met: {report:?}");
    pipeline.assert_every_row_is_where_it_belongs("faults", FILE);
}

#[test]
fn rows_that_cannot_be_read_are_rejected_and_the_rest_arrives() {
    let pipeline = Pipeline::start();
    let mut content = b"ExternalId,Name,Email,Company\n".to_vec();
    content.extend_from_slice(b"E1,Ames,a@example.com,Acme\n");
    content.extend_from_slice(b"E2,too,few\n");
    content.extend_from_slice(b"E3,Bo\xFF,b@example.com,Acme\n");
    content.extend_from_slice(b"E4,Cole,c@example.com,Acme\n");
    pipeline.put("odd.csv", content);
    let _consumer = pipeline.consumer();

    let ended = pipeline
        .program("producer", &["sync", "--file", "odd.csv", "--run-id", "odd", "--json"])
        .end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(4);
    assert_eq!((report.by_code("FIELD_COUNT"), report.by_code("INVALID_UTF8")), (1, 1));
    assert_eq!(pipeline.leads().keys().collect::<Vec<_>>(), ["E1", "E4"]);
    pipeline.assert_every_row_is_where_it_belongs("odd", "odd.csv");
    let file = pipeline.get("rejects/odd.csv");
    assert!(file.windows(11).any(|bytes| bytes == b"E2,too,few,"), "as it came: {file:?}");
    assert!(file.windows(7).any(|bytes| bytes == b"E3,Bo\xFF,"), "as it came: {file:?}");
}

#[test]
fn a_compressed_file_and_one_in_another_encoding_are_read_too() {
    let pipeline = Pipeline::start();
    let rows: String =
        (0..3_000).map(|n| format!("E{n},Müller {n},m{n}@example.com,Acme\n")).collect();
    let text = format!("ExternalId,Name,Email,Company\n{rows}");
    let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    pipeline.put("latin1.csv", latin1);
    pipeline.put("utf-8.csv", text);
    let _consumer = pipeline.consumer();

    let arguments = [
        "sync",
        "--file",
        "latin1.csv",
        "--run-id",
        "latin1",
        "--csv-encoding",
        "latin1",
        "--json",
    ];
    let ended = pipeline.program("producer", &arguments).end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    pipeline.assert_holds(&GENERATED, &["utf-8.csv"]);
}

#[test]
fn rows_that_repeat_a_key_in_their_batch_arrive_in_file_order_as_the_plan_said() {
    let pipeline = Pipeline::start();
    // Each hundred rows have 50 keys of their own, each of them twice, once in other letters.
    let rows = (0..1_000).map(|row| {
        let key =
            format!("{}-{}", if row % 100 < 50 { "e" } else { "E" }, row / 100 * 50 + row % 50);
        format!("{key},Name {row},{row}@example.com,Acme\n")
    });
    let file = ["ExternalId,Name,Email,Company\n".to_owned()].into_iter().chain(rows);
    pipeline.put("twice.csv", file.collect::<String>());
    let producer = |arguments: &[&str]| {
        let ended = pipeline.program("producer", arguments).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };

    let plan = producer(&["plan", "--file", "twice.csv", "--key", "ExternalId"]).stdout;
    let _consumer = pipeline.consumer();
    let ended = producer(&["sync", "--file", "twice.csv", "--run-id", "twice", "--json"]);

    let said = "500 repeat that of one before them in their batch";
    assert!(plan.contains(said) && plan.contains("and 0 one of an earlier batch"), "{plan}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(1_000);
    assert_eq!((report.number("created"), report.number("updated")), (500, 500));
    let leads = pipeline.leads();
    assert_eq!(leads.len(), 500);
    for (number, lead) in leads.values().map(|lead| (&lead["External_Id__c"], lead)) {
        let number: u64 = number.as_str().unwrap()[2..].parse().unwrap();
        let last = number / 50 * 100 + 50 + number % 50;
        assert_eq!(lead["LastName"], format!("Name {last}"), "the later row wins: {lead}");
    }
}

#[test]
fn queued_without_waiting_is_delivered_all_the_same() {
    let pipeline = Pipeline::start();
    pipeline.generate(2_000, &["--bad-rows", "20"]);

    let ended = pipeline.sync(&["--run-id", "later", "--no-wait"]).end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("no consumer is running"), "{}", ended.stderr);
    assert_eq!(pipeline.report("later").number("unfinished"), 2_000);
    let _consumer = pipeline.consumer();
    // The same command without --no-wait joins the run and ends with its report.
    let ended = pipeline.sync(&["--run-id", "later", "--json"]).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(2_000);
    pipeline.assert_every_row_is_where_it_belongs("later", FILE);
}

#[test]
fn memory_stays_within_its_bound() {
    let pipeline = Pipeline::start();
    pipeline.generate(200_000, &[]);
    let consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "large", "--json"]).end();

    let report = Report::of(&ended);
    report.assert_it_adds_up(200_000);
    pipeline.assert_every_row_is_where_it_belongs("large", FILE);
    let bound = 64 << 20;
    assert!(report.number("producerPeakMemoryBytes") < bound, "{report:?}");
    assert!(consumer.peak_memory_bytes() < bound, "{}", consumer.peak_memory_bytes());
}

#[test]
fn a_file_of_nothing_but_bad_rows_takes_no_more_memory_and_is_all_in_the_rejects() {
    let pipeline = Pipeline::start();
    pipeline.generate(50_000, &["--bad-rows", "1000"]);
    let consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "all-bad", "--json"]).end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(50_000);
    assert_eq!(report.number("rejected"), 50_000);
    assert_eq!(pipeline.rejects("all-bad").len(), 50_000);
    pipeline.assert_every_row_is_where_it_belongs("all-bad", FILE);
    let bound = 64 << 20;
    assert!(report.number("producerPeakMemoryBytes") < bound, "{report:?}");
    assert!(consumer.peak_memory_bytes() < bound, "{}", consumer.peak_memory_bytes());
}
