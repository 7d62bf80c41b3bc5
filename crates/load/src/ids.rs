//! The ids file of a run: what its key is called there, and where rows have it.

use ingest_core::{Header, ids_header, ids_key_name};

use crate::{Columns, Load, Plan};

impl Load {
    /// The first line of the ids file of a run that reads a file with this header.
    #[must_use]
    pub fn ids_header(&self, header: &Header) -> Vec<u8> {
        let key = self.key.as_deref().and_then(|field| {
            let column = self.key_column(field, header).map(|at| header.columns()[at].as_str());
            ids_key_name(column, field)
        });
        ids_header(key.as_deref(), header.dialect())
    }

    /// The column whose cells are the keys in that file, as far as names tell it; nothing where the
    /// load has no key, or where that is the Id of the record.
    #[must_use]
    pub fn ids_key_column(&self, header: &Header) -> Option<usize> {
        let field = self.key.as_deref().filter(|field| !field.eq_ignore_ascii_case("Id"))?;
        self.key_column(field, header)
    }

    /// The column that fills the field, as far as names tell it.
    fn key_column(&self, field: &str, header: &Header) -> Option<usize> {
        let is_field = |name: &String| name.trim().eq_ignore_ascii_case(field);
        let column = match &self.columns {
            Columns::ByName(_) => field,
            Columns::Mapped(sdl) => {
                let mut entries = sdl.entries();
                entries.find(|(_, fields)| fields.iter().any(is_field)).map(|(column, _)| column)?
            }
        };
        header.find(column).ok().flatten()
    }
}

impl Plan {
    /// The column whose cells are the keys in the ids file; nothing where the load has no key, or
    /// where that is the Id of the record.
    pub fn ids_key_column(&self) -> Option<usize> {
        let field = &self.key.as_ref()?.field;
        let is_key = |targets: &Vec<crate::Target>| targets.iter().any(|target| target.is_key);
        if field.eq_ignore_ascii_case("Id") { None } else { self.columns.iter().position(is_key) }
    }
}
