//! `producer import-dataloader`, on files as Data Loader has them.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::support::{producer, stderr, stdout};

const CONFIGURATION: &str = r#"<!DOCTYPE beans PUBLIC "-//SPRING//DTD BEAN 2.0//EN"
    "http://www.springframework.org/dtd/spring-beans-2.0.dtd">
<beans>
  <bean id="accountMaster" class="com.salesforce.dataloader.process.ProcessRunner">
    <property name="configOverrideMap">
      <map>
        <entry key="sfdc.entity" value="Account"/>
        <entry key="process.operation" value="upsert"/>
        <entry key="sfdc.externalIdField" value="ErpKey__c"/>
        <entry key="sfdc.password" value="5555555555555555"/>
        <entry key="process.mappingFile" value="C:\dataloader\conf\accounts.sdl"/>
        <entry key="dataAccess.name" value="C:\dataloader\data\accounts.csv"/>
        <entry key="dataAccess.type" value="csvRead"/>
      </map>
    </property>
  </bean>
  <bean id="accountPurge" class="com.salesforce.dataloader.process.ProcessRunner">
    <property name="configOverrideMap">
      <map>
        <entry key="sfdc.entity" value="Account"/>
        <entry key="process.operation" value="hard_delete"/>
        <entry key="sfdc.useBulkApi" value="true"/>
      </map>
    </property>
  </bean>
</beans>
"#;

fn folder(configuration: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("process-conf.xml");
    fs::write(&path, configuration).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

fn saved(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_it_prints_is_a_file_of_loads_with_the_mapping_file_as_it_is() {
    let (folder, path) = folder(CONFIGURATION);
    saved(folder.path(), "config.properties", "#Loader Config\nsfdc.timezone=Europe/Berlin\n");
    let mapping = "#Mapping values\nKEY=ErpKey__c\nPARENT=Parent\\:Account-ErpKey__c\nNOTE=\n";
    saved(folder.path(), "accounts.sdl", mapping);

    let printed = producer(&[], &["import-dataloader", &path]);

    assert_eq!(printed.status.code(), Some(0), "{}", stderr(&printed));
    let text = stdout(&printed);
    assert!(!text.contains("5555"), "{text}");
    assert!(text.contains("time-zone = \"Europe/Berlin\""), "{text}");
    let loads = saved(folder.path(), "loads.toml", &text);
    let listed = producer(&[], &["loads", "--loads-file", &loads]);
    assert_eq!(listed.status.code(), Some(0), "{}", stderr(&listed));
    let listed = stdout(&listed);
    for words in ["account-master", "accounts.csv", "account-purge", "hard-delete"] {
        assert!(listed.contains(words), "{words} in {listed}");
    }
    let one = stdout(&producer(&[], &["import-dataloader", &path, "accountPurge"]));
    assert!(one.contains("[loads.account-purge]") && !one.contains("account-master"), "{one}");
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let (folder, path) = folder(CONFIGURATION);
    let broken = saved(folder.path(), "broken.xml", "<beans>\n<bean></beans>");
    let large = saved(folder.path(), "large.xml", &" ".repeat((1 << 20) + 1));
    let latin = folder.path().join("latin.xml");
    fs::write(&latin, b"<beans>\xe4</beans>").unwrap();
    for (arguments, words) in [
        (&[broken.as_str()][..], "broken.xml: line 2: this is no XML"),
        (&[&large], "large.xml: it is larger than 1 MiB"),
        (&[latin.to_str().unwrap()], "latin.xml: it is not UTF-8"),
        (&["nowhere.xml"], "nowhere.xml: "),
        (&[&path, "acountMaster"], "there is no process `acountMaster`; there are `accountMaster`"),
    ] {
        let refused = producer(&[], &[&["import-dataloader"], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(stderr(&refused).contains(words), "{words} in {}", stderr(&refused));
        assert_eq!(stdout(&refused), "");
    }
    saved(folder.path(), "config.properties", "sfdc.timezone\n");
    let refused = producer(&[], &["import-dataloader", &path]);
    assert!(stderr(&refused).contains("config.properties: line 1: there is no `=`"), "{refused:?}");
}
