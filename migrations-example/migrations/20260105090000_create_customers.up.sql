CREATE TABLE customers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email       text NOT NULL CHECK (email LIKE '%_@_%'),
    full_name   text NOT NULL CHECK (full_name <> ''),
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- One account per address, however it is spelled.
CREATE UNIQUE INDEX customers_email_key ON customers (lower(email));
