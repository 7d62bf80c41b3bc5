//! What a field can hold.

use serde::{Deserialize, Serialize};

/// What a field holds; the names are those of a describe answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FieldType {
    String,
    Textarea,
    Email,
    Phone,
    Url,
    Picklist,
    Multipicklist,
    Boolean,
    Int,
    Double,
    Currency,
    Percent,
    Date,
    Datetime,
    Time,
    Reference,
}

impl FieldType {
    /// The type's name in SOAP, which loaders choose their converters by.
    pub(crate) fn soap_type(self) -> &'static str {
        match self {
            Self::Boolean => "xsd:boolean",
            Self::Int => "xsd:int",
            Self::Double | Self::Currency | Self::Percent => "xsd:double",
            Self::Date => "xsd:date",
            Self::Datetime => "xsd:dateTime",
            Self::Time => "xsd:time",
            Self::Reference => "tns:ID",
            _ => "xsd:string",
        }
    }

    /// The type's name in what the JSON parser says about a wrong value.
    pub(crate) fn parser_name(self) -> &'static str {
        match self.soap_type() {
            "xsd:dateTime" => "datetime",
            "tns:ID" => "reference",
            other => &other["xsd:".len()..],
        }
    }
}
