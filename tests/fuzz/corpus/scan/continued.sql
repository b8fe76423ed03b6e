SELECT 'a'
  -- c
 'b;' , e'\'
 '\;' , 'x' /* */ 'y'; SELECT 1+--x
2*/*;*/3;