\restrict k1

COPY a (b) FROM stdin; -- data
1	;
\N
\.x
\.
SELECT 2;
COPY "stdin" FROM STDIN
;
\.
\unrestrict k1
