SET standard_conforming_strings = off;
SELECT '\';';
RESET ALL;
SELECT 1;SET LOCAL standard_conforming_strings TO off;DISCARD ALL