"""How a collection lies on disk: the folder, the catalog, the vector files, and their checksums.

`disk` is the only module that changes files, `layout` knows the folder. `tables`, `migrations` and
`database` hold the schema and the transactions, `catalog` what is read; SQL that writes stands in
`commits` for indexing, in `edits` for forgetting, compaction and the journal, in `audits` for
verify and repair, in `salvaging` for a lost catalog. `vectors` keeps rows and their keys.
"""
