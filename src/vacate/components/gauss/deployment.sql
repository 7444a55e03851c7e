-- since: 0
/* vacate:deployment */
-- `Distribute`, or a word for a centralised deployment. Not every server of the family has this function.
SELECT gs_deployment() = 'Distribute' AS distributed;
