//! SOAP login, for clients that know no other way.

use reqwest::Method;
use salesforce_simulator::{Faults, LoginError};

use crate::client::Org;

async fn login(org: &Org, version: &str, user: &str, password: &str) -> (u16, String) {
    let body = format!(
        "<?xml version=\"1.0\"?><se:Envelope xmlns:se=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <se:Body><n1:login xmlns:n1=\"urn:partner.soap.sforce.com\">\
         <n1:username>{user}</n1:username><n1:password>{password}</n1:password></n1:login>\
         </se:Body></se:Envelope>"
    );
    let request = org
        .request(Method::POST, &format!("/services/Soap/u/{version}"))
        .header("content-type", "text/xml")
        .header("soapaction", "login")
        .body(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    rest.split_once("</").unwrap().0
}

#[tokio::test]
async fn a_login_by_soap_opens_the_data_api_and_a_logout_closes_it() {
    let mut org = Org::start().await;

    let user = "integration@batch-sync.example";
    let (status, xml) = login(&org, "60.0", user, "local-only-password").await;

    assert_eq!(status, 200, "{xml}");
    let url = format!("{}/services/Soap/u/60.0/00DS1000000Simu", org.simulator.url());
    assert_eq!(element(&xml, "serverUrl"), url);
    assert_eq!(element(&xml, "userId"), "005S1000000SimuIAC");
    assert_eq!(element(&xml, "organizationId"), "00DS1000000SimuMAC");
    org.token = element(&xml, "sessionId").to_owned();
    assert_eq!(org.get("/limits").await.status, 200);
    let logout = format!(
        "<Envelope><Header><SessionHeader><sessionId>{}</sessionId></SessionHeader></Header>\
         <Body><logout/></Body></Envelope>",
        org.token
    );
    let request = org.request(Method::POST, "/services/Soap/u/60.0/00DS1000000Simu").body(logout);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(org.get("/limits").await.status, 401);
}

#[tokio::test]
async fn a_login_that_fails_says_why_in_a_fault() {
    let org = Org::start().await;
    let user = "integration@batch-sync.example";
    for (version, user, password, code) in [
        ("60.0", user, "wrong", "INVALID_LOGIN"),
        ("60.0", "x@y.z", "local-only-password", "INVALID_LOGIN"),
        ("65.0", user, "local-only-password", "UNSUPPORTED_API_VERSION"),
        ("30.0", user, "local-only-password", "UNSUPPORTED_API_VERSION"),
        ("x", user, "local-only-password", "UNSUPPORTED_API_VERSION"),
    ] {
        let (status, xml) = login(&org, version, user, password).await;

        assert_eq!(status, 500, "{xml}");
        assert_eq!(element(&xml, "sf:exceptionCode"), code);
        assert!(element(&xml, "faultstring").starts_with(&format!("{code}: ")), "{xml}");
    }
    let login_error = Some(LoginError::InactiveUser);
    org.simulator.set_faults(Faults { login_error, ..Faults::default() });
    let (status, xml) = login(&org, "60.0", user, "local-only-password").await;
    assert_eq!((status, element(&xml, "sf:exceptionCode")), (500, "SERVER_UNAVAILABLE"));
    assert_eq!(org.simulator.state().logins, 0);
}
