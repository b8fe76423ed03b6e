CREATE TABLE a (b text DEFAULT 'x;');
-- c
/* d /* e */ */;;
INSERT INTO a VALUES (E'\';', N'x', U&"a", $1$$;$$, $t$;$$;$t$)
