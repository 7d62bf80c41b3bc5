//! salesforce-simulator
